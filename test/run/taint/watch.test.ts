// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/console/index.js';
import type { TaintName } from '../../../src/model/result/taint.js';
import { type HostKind, hostKind } from '../../../src/qemu/host-time.js';
import { Recorder } from '../../../src/run/engine/recorder.js';
import { TaintWatch } from '../../../src/run/taint/watch.js';
import { startClock } from '../../../src/util/clock.js';
import { decide } from '../../../src/verdict/verdict.js';
import { FakeMemory, PageTables } from '../../qemu/fake-memory.js';

const BASE = 0xffff_ffff_8100_0000n;
const PHYS = 0x100_0000;
const ROOT = 0x10_0000;
const MASK = 0x3238;
const BANNER = 0x100;
const STATE = 0x80;
const WARN = 1n << 9n;
const OOPS = 1n << 7n;
const FIRMWARE = 1n << 11n;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'taint-'));
  const line = (offset: number, name: string) => `${(BASE + BigInt(offset)).toString(16)} b ${name}\n`;
  writeFileSync(
    join(dir, 'System.map'),
    line(MASK, 'tainted_mask') + line(BANNER, 'linux_banner') + line(STATE, 'system_state') + line(0, '_text'),
  );
  writeFileSync(join(dir, 'no-mask.map'), line(BANNER, 'linux_banner'));
});
afterAll(() => rmSync(dir, { recursive: true }));

/** A machine whose memory holds a kernel, and a watch over it. */
class World {
  readonly memory = new FakeMemory(64 << 20);
  readonly findings: Finding[] = [];
  readonly recorder = new Recorder(startClock(), () => undefined);
  readonly ended = new AbortController();
  readonly watch: TaintWatch;
  /** Findings on the console that the lab has not read yet. */
  unread: Partial<Finding>[] = [];

  constructor(
    options: {
      taint?: TaintName[];
      kernels?: string[];
      accel?: 'tcg' | 'kvm';
      host?: HostKind;
      systemMap?: string | null;
    } = {},
  ) {
    const tables = new PageTables(this.memory, ROOT, 0x20_0000);
    for (let page = 0; page < 4; page++) tables.map(BASE + BigInt(page * 4096), PHYS + page * 4096);
    const systemMap = options.systemMap === undefined ? join(dir, 'System.map') : options.systemMap;
    const kernels = (options.kernels ?? ['a', 'a']).map((sha256) => ({
      name: sha256,
      sha256,
      systemMap,
      vmlinux: null,
      release: '7.3.4',
    }));
    this.watch = new TaintWatch(
      { scenario: { taint: options.taint ?? [] }, kernels, accel: options.accel ?? 'tcg' } as never,
      this.recorder,
      options.host ?? 'real',
    );
    this.boot();
  }

  boot(release = '7.3.4'): void {
    this.memory.write(PHYS + BANNER, Buffer.from(`Linux version ${release} (lab@lab)\n\0`));
    this.memory.write(PHYS + STATE, Buffer.from([3, 0, 0, 0]));
    this.mask(0n);
  }

  mask(mask: bigint): void {
    this.memory.writeU64(PHYS + MASK, mask);
  }

  /** The kernel prints a finding; the lab reads it at its next look. */
  says(taint: TaintName, epoch = this.recorder.epoch): void {
    this.unread.push({ implies: 'tainted', taint, title: taint, epoch, severity: 'warning' });
  }

  get machine() {
    return {
      memory: this.memory,
      findings: this.findings,
      ended: this.ended.signal,
      registers: async () => ({ cr3: BigInt(ROOT), cr4: 0n }),
      readConsole: () => {
        for (const finding of this.unread.splice(0)) {
          const whole = finding as Finding;
          this.findings.push(whole);
          this.recorder.incident({
            source: 'console',
            side: 'inside',
            implies: this.watch.implication(whole),
            title: whole.title,
            detail: '',
            epoch: whole.epoch,
          });
        }
      },
    } as never;
  }

  async arrive(epoch: number): Promise<void> {
    this.recorder.epoch = epoch;
    await this.watch.arrived(this.machine);
  }

  leave(): void {
    this.watch.leaves(this.machine);
    this.watch.stays();
  }

  end() {
    this.watch.conclude(this.machine);
    return {
      outcome: decide(this.recorder.incidents).outcome,
      titles: this.recorder.incidents.map(({ title }) => title),
      result: this.watch.result(),
    };
  }

  get blind(): string[] {
    return this.recorder.witnesses.missing().map(({ why, hint }) => `${why}|${hint ?? ''}`);
  }
}

/** Runs a whole update; `between` happens in the next kernel. */
async function updated(
  world: World,
  between: (world: World) => void = () => undefined,
): Promise<ReturnType<World['end']>> {
  await world.arrive(0);
  world.leave();
  world.boot();
  await world.arrive(1);
  between(world);
  return world.end();
}

describe('the taint of a run', () => {
  it('looks at each kernel at least twice in a clean update', async () => {
    const world = new World();
    expect(await updated(world)).toEqual({
      outcome: 'preserved',
      titles: [],
      result: { before: 0, after: 0, flags: [] },
    });
    expect(world.blind).toEqual([]);
    expect(world.recorder.witnesses.report().taint).toMatchObject({ looked: true, counted: 4, required: true });
  });

  it('reports a bit that the next kernel sets, and a console that does not mention it', async () => {
    const { outcome, titles, result } = await updated(new World(), (world) => world.mask(WARN));
    expect(outcome).toBe('tainted');
    expect(titles).toEqual(['the kernel marked itself tainted: warn', 'the console and the taint mask disagree']);
    expect(result).toEqual({ before: 0, after: 512, flags: ['warn'] });
  });

  it('sees no disagreement where the mask has the bit of a warning', async () => {
    const { outcome, titles } = await updated(new World(), (world) => {
      world.says('warn');
      world.mask(WARN);
    });
    expect(outcome).toBe('tainted');
    expect(titles).toEqual(['warn', 'the kernel marked itself tainted: warn']);
  });

  it('reports a disagreement where the console warns and the mask stays clean', async () => {
    const { outcome, titles } = await updated(new World(), (world) => world.says('warn'));
    expect(outcome).toBe('tainted');
    expect(titles).toEqual(['warn', 'the console and the taint mask disagree']);
  });

  it('sees no disagreement in a warning that is read after the last look at the mask', async () => {
    const world = new World();
    await world.arrive(0);
    world.leave();
    world.says('warn', 0);
    world.boot();
    await world.arrive(1);
    expect(world.end()).toMatchObject({ outcome: 'tainted', titles: ['warn'] });
  });

  it('reports everything once, even if the run is concluded twice', async () => {
    for (const taint of [[], ['warn']] as TaintName[][]) {
      const world = new World({ taint });
      await updated(world, () => world.mask(WARN));
      expect(world.end().titles).toHaveLength(2);
    }
  });

  it('expects another bit from WARN_TAINT() than its warning says, and none from lockdep', async () => {
    expect(
      (
        await updated(new World(), (world) => {
          world.says('warn');
          world.mask(FIRMWARE);
        })
      ).titles,
    ).not.toContain('the console and the taint mask disagree');
    expect(await updated(new World(), (world) => world.says('lockdep'))).toMatchObject({
      outcome: 'tainted',
      titles: ['lockdep'],
      result: { flags: ['lockdep'] },
    });
  });

  it('accepts the flag and the console message that the scenario declares, and nothing else', async () => {
    const provoke = (world: World): void => {
      world.says('warn');
      world.mask(WARN);
    };
    expect(await updated(new World({ taint: ['warn'] }), provoke)).toMatchObject({
      outcome: 'preserved',
      result: { after: 512, flags: [] },
    });
    expect(await updated(new World({ taint: ['warn'] }), (world) => world.mask(WARN))).toMatchObject({
      outcome: 'preserved',
    });
    expect(
      await updated(new World({ taint: ['warn'] }), (world) => {
        provoke(world);
        world.mask(WARN | OOPS);
      }),
    ).toMatchObject({ outcome: 'tainted', result: { flags: ['oops'] } });
  });

  it('ignores what the first kernel had before the handover, also when the same kernel boots again', async () => {
    const world = new World();
    world.says('warn');
    world.mask(WARN);
    await world.arrive(0);
    world.leave();
    world.boot();
    world.says('warn', 1);
    world.mask(WARN);
    await world.arrive(1);
    expect(world.end()).toMatchObject({ outcome: 'preserved', result: { before: 512, after: 512, flags: [] } });
  });

  it('reports what the first kernel did later, and again when the same kernel boots with it', async () => {
    const world = new World();
    await world.arrive(0);
    world.mask(WARN);
    world.leave();
    world.boot();
    world.mask(WARN);
    await world.arrive(1);
    expect(world.end().titles.filter((title) => title.endsWith('warn'))).toHaveLength(2);
  });

  it('reports a different kernel that warns as it boots, but not the bits of the machine', async () => {
    const world = new World({ kernels: ['a', 'b'] });
    world.mask(WARN | FIRMWARE);
    await world.arrive(0);
    world.leave();
    world.boot();
    world.mask(WARN | FIRMWARE);
    await world.arrive(1);
    expect(world.end()).toMatchObject({ outcome: 'tainted', result: { flags: ['warn'] } });
  });

  it('only lists bits of the build on arrival, and reports them when they are set later', async () => {
    const world = new World({ kernels: ['a', 'b'] });
    await world.arrive(0);
    world.leave();
    world.boot();
    world.mask(1n << 17n);
    await world.arrive(1);
    expect(world.end()).toMatchObject({ outcome: 'preserved', result: { flags: ['randstruct'] } });
    expect(await updated(new World(), (later) => later.mask(1n << 18n))).toMatchObject({ outcome: 'tainted' });
  });

  it('blames a stall on a host that is itself a virtual machine, under KVM too', async () => {
    expect(await updated(new World({ accel: 'kvm', host: 'virtual' }), (world) => world.says('stall'))).toMatchObject({
      outcome: 'preserved',
      titles: ['stall'],
    });
  });

  it.each([
    ['flags\t\t: fpu svm hypervisor lahf_lm\n', 'virtual'],
    ['flags\t\t: fpu svm hypervisor\nbugs\t: x\n', 'virtual'],
    ['flags\t\t: fpu svm lahf_lm\n', 'real'],
    ['', 'real'],
  ])('knows such a host by /proc/cpuinfo: %j', (cpuinfo, kind) => expect(hostKind(() => cpuinfo)).toBe(kind));

  it('blames a stall on a busy host where the machine is emulated', async () => {
    expect(await updated(new World(), (world) => world.says('stall'))).toMatchObject({
      outcome: 'preserved',
      titles: ['stall'],
    });
    expect(await updated(new World({ accel: 'kvm' }), (world) => world.says('stall'))).toMatchObject({
      outcome: 'tainted',
    });
  });

  it('sees what a quiet kernel does during the kexec, and does not confuse it with the next kernel', async () => {
    const world = new World();
    await world.arrive(0);
    world.watch.leaves(world.machine);
    world.mask(WARN);
    await expect.poll(() => world.recorder.incidents.length).toBe(1);
    expect(world.recorder.incidents[0]).toMatchObject({
      title: 'the kernel marked itself tainted: warn',
      detail: 'while it left: tainted_mask is 0x200 (warn)',
      epoch: 0,
    });
    // The next kernel, of the same build, begins to boot.
    world.memory.write(PHYS + STATE, Buffer.from([0, 0, 0, 0]));
    world.mask(OOPS);
    await expect.poll(() => world.watch.leaving).toBe(false);
    expect(world.recorder.incidents).toHaveLength(1);
  });

  it('is blind without a System.map, without the symbol, or where another kernel runs', async () => {
    const none = new World({ systemMap: null });
    await updated(none);
    expect(none.blind[0]).toMatch(/^a comes without a System\.map.*\|give the kernel its System\.map/);
    const other = new World({ systemMap: join(dir, 'no-mask.map') });
    await updated(other);
    expect(other.blind[0]).toMatch(/do not name tainted_mask/);
    const moved = new World();
    moved.boot('7.3.5');
    await moved.arrive(0);
    expect(moved.blind[0]).toMatch(/not where its symbols say.*\|.*nokaslr/);
  });

  it('is blind where the kernel is gone before its last look, unless the machine has ended', async () => {
    const gone = new World();
    await updated(gone, (world) => world.memory.write(PHYS + BANNER, Buffer.alloc(64)));
    expect(gone.blind[0]).toMatch(/no longer where it was found/);
    const ended = new World();
    await updated(ended, (world) => {
      world.ended.abort();
      world.memory.write(PHYS + BANNER, Buffer.alloc(64));
    });
    expect(ended.blind).toEqual([]);
  });

  it('copes with any mask of a damaged kernel', async () => {
    const { outcome, result } = await updated(new World(), (world) => world.mask(0xffff_ffff_ffff_ffffn));
    expect(outcome).toBe('tainted');
    expect(result?.flags).toHaveLength(64);
    expect(Number.isSafeInteger(result?.after)).toBe(true);
  });
});
