// SPDX-License-Identifier: Apache-2.0
// `policy: check`, with the handover of a running kernel in the memory of a machine that is not there.
import { describe, expect, it } from 'vitest';
import type { ComponentVersions } from '../../../src/model/kernel/component.js';
import type { KernelImage } from '../../../src/model/kernel/image.js';
import { findIncompatibility } from '../../../src/run/update/preflight.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { LabError } from '../../../src/util/errors.js';
import { fakeAgents, fakePlan, fakeRecorder, FakeView } from '../../fakes/parts.js';
import { image } from '../../fakes/run.js';
import { AT, PACKED, packedWorld } from '../../handover/world.js';
import { PageTables } from '../../qemu/fake-memory.js';

const PAGE = 4096;
const TABLES = 0x40_0000;
const DIRECT = 0xffff_8880_0000_0000n;
const VARIABLES = 0xffff_ffff_8200_0000n;
const PHYS = 0x60_0000;
/** Offsets in the kernel's variables: `kho_out`, the head of the list, and its entries. */
const [KHO_OUT, HEAD, ENTRIES] = [0x40, 0x100, 0x200];
/** An entry's `compatible`, then its `list`. */
const COMPATIBLE = 48;
const ENTRY = 64;

const one = (name: string, version: number): ComponentVersions => ({
  name,
  reads: [version],
  writes: [version],
  write: version,
  manner: null,
});
const FIT = [one('kho', 4), one('luo', 5), one('memfd', 2)];

const kernel = (name: string, versions: ComponentVersions[], more: Partial<KernelImage> = {}): KernelImage => ({
  ...image(name),
  versions,
  ...more,
});

interface Situation {
  /** `compatible` of the handlers that the old kernel has registered. */
  handlers?: readonly string[];
  /** The entry after the last one; by default the head. */
  after?: number;
  /** debugfs labobj/versions; null if there is none. */
  inside?: unknown;
  from?: ComponentVersions[];
  to?: ComponentVersions[];
  next?: Partial<KernelImage>;
  formats?: 'with handlers' | 'without handlers';
  root?: bigint;
}

function look({ handlers = ['memfd-v2'], inside = null, from = FIT, to = FIT, ...more }: Situation = {}) {
  const { memory } = packedWorld();
  // LUO has serialized nothing yet.
  memory.writeU64(AT.luo * PAGE + 16, 0n);
  const tables = new PageTables(memory, TABLES, TABLES + PAGE);
  tables.map(DIRECT, 0, 21);
  tables.map(VARIABLES, PHYS, 21);
  memory.writeU64(PHYS + KHO_OUT, more.root ?? DIRECT + BigInt(AT.root * PAGE));
  const listOf = (index: number) => VARIABLES + BigInt(ENTRIES + index * ENTRY + COMPATIBLE);
  const after = more.after === undefined ? VARIABLES + BigInt(HEAD) : listOf(more.after);
  memory.writeU64(PHYS + HEAD, handlers.length === 0 ? after : listOf(0));
  handlers.forEach((text, index) => {
    const at = PHYS + ENTRIES + index * ENTRY;
    memory.write(at, Buffer.from(text, 'latin1'));
    memory.writeU64(at + COMPATIBLE, index + 1 < handlers.length ? listOf(index + 1) : after);
  });
  const khoOut = { start: VARIABLES + BigInt(KHO_OUT), end: VARIABLES + BigInt(KHO_OUT + 64) };
  const list = more.formats === 'without handlers' ? null : VARIABLES + BigInt(HEAD);
  const { recorder, events } = fakeRecorder();
  const scenario = parseScenario('from: a\nto: b\npolicy: check\nsessions: [{name: s, files: [{memfd: 4KiB}]}]\n', 'x');
  const parts = {
    agents: fakeAgents((op) =>
      op === 'versions' && inside !== null ? { data: { text: inside } } : { ok: false, errno: 'ENOENT' },
    ),
    view: new FakeView(memory, [], { cr3: BigInt(TABLES), cr4: 0n, idtBase: 0n, idtLimit: 0 }),
    recorder,
    state: new RunState(),
    plan: fakePlan(scenario, {
      kernels: [kernel('old', from), kernel('new', to, more.next)],
      formats: [{ structures: PACKED, khoOut, machineKexec: 0n, handlers: list }, null],
    }),
  };
  return { answer: findIncompatibility(parts), recorder, events };
}

const with2 = (version: number) => [...FIT.slice(0, 2), one('memfd', version)];

describe('the update', () => {
  it('goes on if the next kernel reads all that would be written, and both looks are in the events', async () => {
    const { answer, events, recorder } = look({ inside: 'reads memfd 1\nwrites memfd 2\nwrites object 4\n' });
    expect(await answer).toBeNull();
    expect(recorder.incidents).toEqual([]);
    expect(events).toMatchObject([
      { kind: 'oracle', side: 'inside', detail: 'memfd-v2' },
      { kind: 'oracle', side: 'outside', detail: 'kho-v4 luo-v5 memfd-v2' },
    ]);
  });

  it('does not if a handler would write what the next kernel does not read', async () => {
    const answer = await look({ to: with2(1) }).answer;
    expect(answer?.mismatches).toMatchObject([{ component: 'memfd', wrote: 2, reads: [1] }]);
    expect(answer?.why).toMatch(/^memfd: v2 would be written, v1 is read; it would end in leak \(/);
  });

  it("does not if LUO's own state is of another version, whatever the old image says", async () => {
    const { answer } = look({
      from: [one('kho', 4), one('luo', 1), one('memfd', 2)],
      to: [one('luo', 1), ...FIT.slice(2)],
    });
    expect((await answer)?.mismatches).toMatchObject([
      { component: 'kho' },
      { component: 'luo', wrote: 5, reads: [1] },
    ]);
  });

  it('goes on if the next kernel reads what is seen, and not what the old image would write', async () => {
    expect(await look({ from: [one('kho', 4), one('luo', 1), one('memfd', 1)] }).answer).toBeNull();
  });

  it('is judged by the old image for what neither look shows', async () => {
    const { answer } = look({ handlers: [], to: with2(1) });
    expect((await answer)?.mismatches).toMatchObject([{ component: 'memfd', wrote: 2, reads: [1] }]);
  });

  it('does not if the next image could not be read', async () => {
    const { answer } = look({ next: { known: false } });
    expect(await answer).toEqual({ why: 'what new reads is not known', mismatches: [] });
  });
});

describe('inside and outside', () => {
  it('that disagree are both believed, and reported', async () => {
    const { answer, recorder } = look({ inside: 'writes memfd 1\n', to: with2(1) });
    expect((await answer)?.mismatches).toMatchObject([{ component: 'memfd', wrote: 2 }]);
    expect(recorder.incidents).toMatchObject([
      {
        implies: null,
        title: 'inside and outside disagree on what would be written',
        detail: 'outside: memfd-v2; inside: memfd-v1',
      },
    ]);
  });

  it('a component that is in neither image is reported, and no reason to stop', async () => {
    const { answer, recorder } = look({ handlers: ['memfd-v2', 'vendor-v3'] });
    expect(await answer).toBeNull();
    expect(recorder.incidents).toMatchObject([{ implies: null, detail: expect.stringMatching(/^vendor-v3: .* new /) }]);
  });

  it("the versions for which the lab's object has handlers are not what it writes", async () => {
    const { answer, events } = look({ handlers: ['object-v1', 'object-v4', 'memfd-v2'] });
    expect(await answer).toBeNull();
    expect(events[1]).toMatchObject({ detail: 'kho-v4 luo-v5 memfd-v2' });
  });
});

describe('a hostile machine', () => {
  it.each<[string, unknown]>([
    ['no text', 5],
    ['no line that is known', 'writes\nwrites memfd two\n writes memfd 1\nhands-over memfd 1 2'],
    ['a version that is no version', 'writes memfd 99999999999999999999\n'],
    ['a name that is no name', 'writes \x1b[2J 1\nhands-over ../x 1\n'],
    ['endless text', 'x'.repeat(1 << 20)],
  ])('that says %s inside is judged from outside', async (_, inside) => {
    const { answer, recorder, events } = look({ inside });
    expect(await answer).toBeNull();
    expect(recorder.incidents).toEqual([]);
    expect(events[0]).toMatchObject({ side: 'inside', detail: 'this kernel does not tell' });
  });

  it.each<[string, string, RegExp]>([
    ['no text', '', /^""/],
    ['a text without a version', 'vendor', /^"vendor"/],
    ['a text without an end', 'x'.repeat(COMPATIBLE), /^"x{48}/],
    ['control characters', '\x1b[2J-v1', /^"\\x1b\[2J-v1"/],
  ])('whose handler has %s is judged by the others, and this is reported', async (_, text, detail) => {
    const { answer, recorder } = look({ handlers: [text, 'memfd-v2'], to: with2(1) });
    expect((await answer)?.mismatches).toMatchObject([{ component: 'memfd', wrote: 2 }]);
    expect(recorder.incidents).toMatchObject([
      {
        implies: null,
        title: 'the running kernel has versions that cannot be read',
        detail: expect.stringMatching(detail),
      },
    ]);
  });

  it('with many such handlers gets a short report', async () => {
    const { answer, recorder } = look({ handlers: Array.from({ length: 200 }, () => 'x'.repeat(40)) });
    await answer;
    expect(recorder.incidents[0]?.detail?.length).toBeLessThan(300);
  });
});

describe('the check cannot be made, and says so,', () => {
  const UNSEEN = 'what the running kernel would write cannot be seen from outside: ';

  it('as a fault of the lab if it does not know where the list of handlers is', async () => {
    const { answer } = look({ formats: 'without handlers' });
    await expect(answer).rejects.toThrow(LabError);
    await expect(answer).rejects.toThrow(`${UNSEEN}the kernel shows no list of handlers`);
  });

  it.each<[string, Situation, string]>([
    [
      'the list of handlers leads back into itself',
      { handlers: ['memfd-v2', 'a-v1'], after: 0 },
      'the list of handlers does not end',
    ],
    ['kho_out leads nowhere', { root: 0n }, "the kernel's variable kho_out points to 0 root trees"],
  ])("and refuses the update if the kernel's own structures are unsound: %s", async (_, situation, why) => {
    const { answer } = look(situation);
    expect(await answer).toEqual({ why: `${UNSEEN}${why}`, mismatches: [] });
  });
});
