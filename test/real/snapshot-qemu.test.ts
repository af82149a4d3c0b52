// SPDX-License-Identifier: Apache-2.0
// A real machine saved at its readiness mark, and machines that start there. The RAM is larger than the hole below
// 4 GiB, so it lies in two ranges.
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Agent } from '../../src/guest/agent.js';
import { SocketPort } from '../../src/guest/port.js';
import { ensureKernel, ensureRootFs } from '../../src/images/index.js';
import { agentSocket, type MachineConfig } from '../../src/qemu/args.js';
import { PrivateMemory } from '../../src/qemu/snapshot/private-memory.js';
import { QEMU } from '../../src/qemu/process.js';
import { DebuggerStub } from '../../src/qemu/gdb.js';
import { SnapshotError } from '../../src/qemu/snapshot/error.js';
import { ramOpening, resumedFrom } from '../../src/qemu/snapshot/opening.js';
import { startResumed, type ResumeOptions } from '../../src/qemu/snapshot/resume.js';
import { saveRam, saveState } from '../../src/qemu/snapshot/save.js';
import { Recorder } from '../../src/run/engine/recorder.js';
import { ALWAYS } from '../../src/run/machine/layout.js';
import { Machine } from '../../src/run/machine/machine.js';
import { MachineEnded } from '../../src/run/machine/ending.js';
import { QEMU_PARTS } from '../../src/run/machine/parts.js';
import { startClock } from '../../src/util/clock.js';
import { machinesUnder, temporary } from './lab.js';

const QUIET = { event: () => undefined, console: () => undefined, qmp: () => undefined, agent: () => undefined };
const GIB = 2 ** 30;
const DEADLINE = 120_000;
const live = new AbortController().signal;

const folder = temporary();
const running = new Map<Machine, string>();
const ports: SocketPort[] = [];
let base: Omit<MachineConfig, 'dir'>;

function fresh(name: string): string {
  const dir = join(folder, name);
  mkdirSync(dir);
  return dir;
}

function start(config: MachineConfig, parts = QEMU_PARTS): Promise<Machine> {
  return Machine.start(config, new Recorder(startClock(), QUIET.event), QUIET, undefined, parts).then((machine) => {
    running.set(machine, config.dir);
    return machine;
  });
}

/** A saved machine: its files, and what it cost. */
interface Saved {
  state: string;
  ram: string;
  bytesOnDisk: number;
  bytesOfState: number;
  ms: { state: number; ram: number };
}

async function save(machine: Machine, dir: string): Promise<Saved> {
  const [state, ram] = [join(dir, 'state'), join(dir, 'ram')];
  const monitor = {
    run: (name: string, args: Record<string, unknown>) => machine.command(name, args),
    human: (line: string) => machine.human(line),
  };
  const began = performance.now();
  const bytesOfState = await saveState(monitor, state, { dir: running.get(machine) ?? '', signal: live });
  const between = performance.now();
  const { bytesOnDisk } = await saveRam(machine.memory.path, ram, {
    signal: live,
    opening: await ramOpening(QEMU, live),
  });
  return { state, ram, bytesOnDisk, bytesOfState, ms: { state: between - began, ram: performance.now() - between } };
}

function resume(name: string, saved: Saved, more: Partial<ResumeOptions & MachineConfig> = {}): Promise<Machine> {
  const { connectPorts, deadline = DEADLINE, signal = live, ...config } = more;
  const resumed = resumedFrom(saved.ram);
  return start(
    { ...base, ...config, dir: fresh(name), resumed },
    {
      ...QEMU_PARTS,
      start: (cold) =>
        startResumed(
          { ...cold, resumed },
          {
            readState: async () => readFileSync(saved.state),
            signal,
            deadline,
            ...(connectPorts === undefined ? {} : { connectPorts }),
          },
        ),
      openMemory: (pid, mtree) => PrivateMemory.open(pid, saved.ram, mtree),
    },
  );
}

/** A new agent of a machine, which must be running. */
async function agentOf(machine: Machine): Promise<Agent> {
  const port = new SocketPort(join(running.get(machine) ?? '', agentSocket(0)));
  ports.push(port);
  return new Agent(await port.open(), () => undefined);
}

async function hello(machine: Machine): Promise<unknown> {
  const agent = await agentOf(machine);
  return (await agent.request('hello', {}, DEADLINE)).data['release'];
}

function partOf(path: string, offset: number, length: number): Buffer {
  const fd = openSync(path, 'r');
  const bytes = Buffer.alloc(length);
  readSync(fd, bytes, 0, length, offset);
  closeSync(fd);
  return bytes;
}

function memoryOf(pid: number): Record<string, number> {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Object.fromEntries([...text.matchAll(/^(\w+):\s+(\d+) kB/gm)].map(([, key, value]) => [key, Number(value)]));
}

beforeAll(async () => {
  chmodSync(folder, 0o755);
  const context = { signal: live, onProgress: () => undefined };
  const kernel = await ensureKernel('7.3.4', context);
  const rootfs = await ensureRootFs(context);
  base = {
    name: 'snapshot-test',
    accel: 'tcg',
    icount: true,
    memory: GIB,
    cpus: 2,
    kernel: kernel.bzImage,
    initrd: rootfs.path,
    // An NMI panics, so that the test can make a machine panic from outside.
    cmdline: `${ALWAYS} tsc_early_khz=1000000 lab.epoch=0 unknown_nmi_panic`,
    disks: [{ serial: 'initrd', path: rootfs.path }],
    agents: 1,
    extra: [],
  };
});
afterEach(async () => {
  for (const port of ports.splice(0)) port.close();
  for (const machine of running.keys()) {
    await machine.stop();
    machine.close();
  }
  running.clear();
  expect(machinesUnder(folder)).toEqual([]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a machine of 1 GiB, saved at its readiness mark', () => {
  let saved: Saved;

  beforeAll(async () => {
    const machine = await start({ ...base, dir: fresh('source') });
    await machine.untilReady(0, DEADLINE);
    await expect(save(machine, folder)).rejects.toThrow('stands still');
    await machine.command('stop');
    saved = await save(machine, folder);
    await expect(machine.command('query-status')).resolves.toMatchObject({ status: 'paused' });
    // It goes on as if nothing had been.
    await machine.command('cont');
    expect(await hello(machine)).toMatch(/^7\.3\.4/);
  });

  it('takes at most 150 MiB on disk', () => {
    expect(saved.bytesOnDisk).toBeLessThan(150 << 20);
    expect(statSync(saved.ram).size).toBe(GIB);
    expect(saved.bytesOfState).toBeLessThan(2 << 20);
    process.stdout.write(`saved: ${JSON.stringify(saved)}\n`);
  });

  it('comes up ten times at once: each answers, and what none has changed is there once', async () => {
    const times: number[] = [];
    const machines: Machine[] = [];
    for (let n = 0; n < 10; n++) {
      const began = performance.now();
      const machine = await resume(`ten-${n}`, saved);
      times.push(Math.round(performance.now() - began));
      machines.push(machine);
      await expect(machine.command('query-status')).resolves.toMatchObject({ status: 'paused' });
    }
    for (const machine of machines) {
      await machine.command('cont');
      expect(await hello(machine)).toMatch(/^7\.3\.4/);
    }
    const all = machines.map(({ pid }) => memoryOf(pid));
    const sum = (key: string) => all.reduce((total, each) => total + (each[key] ?? 0), 0);
    process.stdout.write(
      `ten resumed machines: started in ${times.join(' ')} ms; ` +
        `RSS ${sum('Rss') >> 10} MiB, PSS ${sum('Pss') >> 10} MiB\n`,
    );
    expect(sum('Pss')).toBeLessThan(0.8 * sum('Rss'));
    expect(all.every(({ Private_Dirty = 0 }) => Private_Dirty < 150 << 10)).toBe(true);
  });

  it('can be read and written from outside, and keeps that to itself', async () => {
    const before = statSync(saved.ram, { bigint: true });
    const [one, two] = [await resume('one', saved), await resume('two', saved)];
    const place = 0x10_0000;
    const [original, read] = [Buffer.alloc(8192), Buffer.alloc(8192)];
    expect(one.memory.read(place, original)).toBe(true);
    expect(original.equals(partOf(saved.ram, place, 8192))).toBe(true);
    const pattern = Buffer.alloc(8192, 0xa5);
    expect(one.memory.write(place, pattern)).toBe(true);
    expect(one.memory.read(place, read) && read.equals(pattern)).toBe(true);
    expect(await one.human(`xp /1xg 0x${place.toString(16)}`)).toContain('0xa5a5a5a5a5a5a5a5');
    expect(two.memory.read(place, read) && read.equals(original)).toBe(true);
    expect(one.memory.read(GIB - 4096, read)).toBe(false);
    // A large read takes what was not written from the file.
    const large = Buffer.alloc(4 << 20);
    const expected = partOf(saved.ram, place - 100, large.length);
    pattern.copy(expected, 100);
    expect(one.memory.read(place - 100, large) && large.equals(expected)).toBe(true);
    const began = performance.now();
    one.memory.outlive();
    process.stdout.write(`memory taken before the end: ${Math.round(performance.now() - began)} ms\n`);
    await one.stop();
    expect(one.memory.read(place - 100, large.fill(0)) && large.equals(expected)).toBe(true);
    expect(one.memory.read(place, read) && read.equals(pattern)).toBe(true);
    expect(one.memory.write(place, pattern)).toBe(false);
    expect(statSync(saved.ram, { bigint: true })).toMatchObject({ mtimeNs: before.mtimeNs, ctimeNs: before.ctimeNs });
    expect(partOf(saved.ram, place, 8192).equals(original)).toBe(true);
  });

  it('reports a panic over QMP', async () => {
    const machine = await resume('panic', saved);
    await machine.command('cont');
    await machine.command('inject-nmi');
    await machine.endedWithin(30_000);
    expect(machine.ended.reason).toBeInstanceOf(MachineEnded);
    expect(machine.ended.reason).toMatchObject({ ending: { kind: 'panic' } });
    await machine.settle();
    expect(machine.findings.map(({ title }) => title).join()).toMatch(/panic/i);
  });

  it('boots again after a reset', async () => {
    const machine = await resume('reset', saved);
    await machine.command('cont');
    expect((await machine.reboot(DEADLINE)).release).toMatch(/^7\.3\.4/);
  });

  it.each<[string, (state: Buffer) => Buffer]>([
    ['cut in half', (state) => state.subarray(0, state.length / 2)],
    ['empty', () => Buffer.alloc(0)],
    ['no state at all', () => Buffer.from('hello')],
    [
      'of a machine with other devices',
      (state) => Buffer.from(state.toString('latin1').replace('ich9_ahci', 'ich9_nope'), 'latin1'),
    ],
  ])('is refused with a typed error if its state is %s', async (name, change) => {
    const state = join(folder, `state-${name}`);
    writeFileSync(state, change(readFileSync(saved.state)));
    const error: unknown = await resume(`bad ${name}`, { ...saved, state }, { deadline: 5000 }).catch(
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(Error);
    expect((error as SnapshotError).step).toBe('load');
  });

  it('leaves no machine if the lab gives up while it is loaded', async () => {
    const controller = new AbortController();
    const starting = resume('given-up', saved, {
      signal: controller.signal,
      connectPorts: async () => {
        expect(machinesUnder(folder)).toHaveLength(1);
        controller.abort(new Error('interrupted'));
      },
    });
    await expect(starting).rejects.toThrow('interrupted');
    expect(machinesUnder(folder)).toEqual([]);
  });

  it('is refused with a typed error if nobody connects its ports in time', async () => {
    const connectPorts = () => new Promise<void>(() => undefined);
    await expect(resume('alone', saved, { connectPorts, deadline: 3000 })).rejects.toMatchObject({ step: 'load' });
  });

  it('is refused with a typed error if its RAM is too short', async () => {
    const ram = join(folder, 'short-ram');
    writeFileSync(ram, '');
    chmodSync(ram, 0o666);
    truncateSync(ram, GIB / 2);
    await expect(resume('short', { ...saved, ram })).rejects.toMatchObject({ step: 'load' });
  });
});

describe('a machine of 5 GiB, saved at a breakpoint while its agent is in use', () => {
  let saved: Saved;
  let pid: unknown;

  beforeAll(async () => {
    const kernel = await ensureKernel('7.3.4', { signal: live, onProgress: () => undefined });
    const machine = await start({ ...base, memory: 5 * GIB, dir: fresh('source-large') });
    await machine.untilReady(0, DEADLINE);
    const agent = await agentOf(machine);
    pid = (await agent.request('hello', {}, DEADLINE)).data['pid'];
    const stub = await DebuggerStub.attach(await machine.openDebugger());
    await stub.breakAt(
      BigInt(`0x${/^([0-9a-f]+) T schedule$/m.exec(readFileSync(kernel.systemMap ?? '', 'utf8'))?.[1]}`),
    );
    await stub.runUntilStop();
    expect(await machine.command('query-status')).toMatchObject({ status: 'debug' });
    saved = await save(machine, fresh('large'));
    await stub.detach();
    // It goes on as if nothing had been.
    expect((await agent.request('hello', {}, DEADLINE)).data['pid']).toBe(pid);
  });

  it('goes on with the same agent if its port is connected before the load', async () => {
    const sockets: Socket[] = [];
    const machine = await resume('connected', saved, {
      memory: 5 * GIB,
      connectPorts: async (dir) => {
        const socket = connect(join(dir, agentSocket(0)));
        sockets.push(socket);
        await once(socket, 'connect');
      },
    });
    const agent = new Agent(sockets[0] as Socket, () => undefined);
    await machine.command('cont');
    expect((await agent.request('hello', {}, DEADLINE)).data['pid']).toBe(pid);
  });

  it('has memory above 4 GiB', async () => {
    const machine = await resume('high', saved, { memory: 5 * GIB });
    expect(machine.memory.ranges.length).toBeGreaterThan(1);
    const place = machine.memory.end - 8192;
    expect(place).toBeGreaterThan(4 * GIB);
    expect(machine.memory.write(place, Buffer.alloc(16, 0x77))).toBe(true);
    expect(await machine.human(`xp /1xg 0x${place.toString(16)}`)).toContain('0x7777777777777777');
  });
});
