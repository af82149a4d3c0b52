// SPDX-License-Identifier: Apache-2.0
// Which memory is kept, and that nothing that goes wrong with it ends a run.
import { describe, expect, it } from 'vitest';
import type { ImageHead } from '../../../src/model/result/memory-image.js';
import { HandoverError } from '../../../src/handover/index.js';
import type { MemoryKeeper } from '../../../src/run/engine/plan.js';
import type { Machine } from '../../../src/run/machine/machine.js';
import { keepHandover, keepMemory, pagesOfHandover, usedPages } from '../../../src/run/update/keep-memory.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { FakeControl, fakePlan, fakeRecorder, FakeView } from '../../fakes/parts.js';
import { AT, PACKED, packedWorld } from '../../handover/world.js';
import { FakeMemory, PageTables } from '../../qemu/fake-memory.js';

const PAGE = 4096;
const MIB = 1 << 20;
const TABLES = 4 * MIB;
const DIRECT = 0xffff_8880_0000_0000n;
const KHO_OUT = 0xffff_ffff_8200_0000n;
const VARIABLE = 6 * MIB;

type Kept = { head: ImageHead; pages: { pfn: number; length: number }[] };

/** Keeps everything in memory. `answer`: whether all of it was written, or the error. */
function keeper(answer: 'whole' | 'cut' | Error = 'whole', jumps: 'jumps' | 'end' = 'jumps') {
  const kept: Kept[] = [];
  const made: MemoryKeeper = {
    jumps: jumps === 'jumps',
    keep: async (head, pages) => {
      if (answer instanceof Error) throw answer;
      kept.push({ head, pages: [...pages].map(({ pfn, bytes }) => ({ pfn, length: bytes.length })) });
      return answer === 'whole';
    },
  };
  return { keeper: made, kept };
}

/** A kernel that hands over the packed world. */
function machine(plan: MemoryKeeper | null) {
  const { memory } = packedWorld();
  const tables = new PageTables(memory, TABLES, TABLES + PAGE);
  tables.map(DIRECT, 0, 21);
  tables.map(KHO_OUT, VARIABLE);
  const point = (to: number | null) => memory.writeU64(VARIABLE, to === null ? 0n : DIRECT + BigInt(to * PAGE));
  point(AT.root);
  const format = {
    structures: PACKED,
    khoOut: { start: KHO_OUT, end: KHO_OUT + 64n },
    machineKexec: 0n,
    handlers: null,
  };
  const registers = { cr3: BigInt(TABLES), cr4: 0n, idtBase: 0n, idtLimit: 0 };
  const { recorder, events } = fakeRecorder();
  const parts = {
    plan: fakePlan(parseScenario('from: a\nto: b\nsessions: [{name: s}]\n', 'x.yaml'), {
      formats: [format, null],
      memory: plan,
    }),
    recorder,
    state: new RunState(),
    view: new FakeView(memory, [], registers),
    machine: new FakeControl(memory, registers),
  };
  const notes = () => events.flatMap((event) => (event.kind === 'note' ? [event.text] : []));
  return { memory, parts, point, notes };
}

describe('at a jump', () => {
  it('the structures of the handover are kept, and the content of files is not', async () => {
    const { keeper: into, kept } = keeper();
    const { parts, notes } = machine(into);
    await keepHandover(parts, []);
    expect(kept).toHaveLength(1);
    expect(kept[0]!.head).toEqual({
      moment: 'jump',
      epoch: 0,
      root: AT.root * PAGE,
      pages: 'handover',
      ranges: [[0, 16 * MIB]],
    });
    const frames = kept[0]!.pages.map(({ pfn }) => pfn);
    expect(frames).toEqual(expect.arrayContaining([AT.root, AT.luo, AT.more, AT.files, AT.memfd, AT.list, AT.map]));
    expect(frames.filter((pfn) => pfn >= AT.content)).toEqual([]);
    expect(notes()).toEqual(['memory kept (jump of epoch 0)']);
  });

  it('so are those that a fault has cut off in the meantime', async () => {
    const { keeper: into, kept } = keeper();
    const { memory, parts } = machine(into);
    const before = await pagesOfHandover(parts);
    expect(before).toContain(AT.files);
    memory.writeU64(AT.luo * PAGE + 16, 0n);
    await keepHandover(parts, []);
    await keepHandover(parts, before);
    expect(kept.map(({ pages }) => pages.some(({ pfn }) => pfn === AT.files))).toEqual([false, true]);
  });

  it('a handover that is not found is noted, and the run goes on', async () => {
    const { keeper: into, kept } = keeper();
    const { parts, point, notes } = machine(into);
    point(null);
    expect(await pagesOfHandover(parts)).toEqual([]);
    await keepHandover(parts, []);
    expect(kept).toEqual([]);
    expect(notes()).toEqual([expect.stringContaining('points to 0 root trees')]);
  });

  it('an error of the lab itself is not hidden', async () => {
    const { parts } = machine(keeper().keeper);
    parts.view.registers = () => Promise.reject(new TypeError('a mistake'));
    await expect(keepHandover(parts, [])).rejects.toThrow('a mistake');
    await expect(pagesOfHandover(parts)).rejects.toThrow('a mistake');
    parts.view.registers = () => Promise.reject(new HandoverError('damaged'));
    await expect(pagesOfHandover(parts)).resolves.toEqual([]);
  });

  it.each([
    ['no memory is kept', null],
    ['only the end is kept', keeper('whole', 'end').keeper],
  ])('nothing is read where %s', async (_, plan) => {
    const { memory, parts, notes } = machine(plan);
    const { reads } = memory;
    expect(await pagesOfHandover(parts)).toEqual([]);
    await keepHandover(parts, [1, 2]);
    expect([memory.reads, notes()]).toEqual([reads, []]);
  });
});

describe('at the end', () => {
  async function kept(answer: 'whole' | 'cut' | Error) {
    const { keeper: into, kept: images } = keeper(answer);
    const memory = new FakeMemory(16 * MIB);
    memory.write(5 * PAGE, Buffer.from([1]));
    const { recorder, events } = fakeRecorder(2);
    await keepMemory(into, { memory: new FakeControl(memory).memory } as Machine, recorder, 0x1000);
    return { images, notes: events.map((event) => (event.kind === 'note' ? event.text : '')) };
  }

  it('every page in use is kept', async () => {
    const { images, notes } = await kept('whole');
    expect(images).toEqual([
      {
        head: { moment: 'end', epoch: 2, root: 0x1000, pages: 'used', ranges: [[0, 16 * MIB]] },
        pages: [{ pfn: 5, length: PAGE }],
      },
    ]);
    expect(notes).toEqual(['memory kept (end of epoch 2)']);
  });

  it('a limit or a full disk is noted, and no more', async () => {
    expect((await kept('cut')).notes).toEqual(['memory kept (end of epoch 2), cut at the limit']);
    expect((await kept(new Error('no space left'))).notes).toEqual(['memory was not kept: no space left']);
  });
});

describe('pages in use', () => {
  /** The ranges, and the first byte of each. */
  const used = (memory: Parameters<typeof usedPages>[0]) => {
    const found: [pfn: number, pages: number, first: number][] = [];
    for (const { pfn, bytes } of usedPages(memory)) found.push([pfn, bytes.length / PAGE, bytes[0] ?? 0]);
    return found;
  };

  it('come as ranges, from the first page to the last, whatever byte is set', () => {
    const memory = new FakeMemory(4 * MIB + 2 * PAGE);
    memory.write(0, Buffer.from([7]));
    memory.write(10 * PAGE - 1, Buffer.from([1, 2]));
    // A range ends with the part of memory that is read at once, and the next one begins there.
    memory.write(4 * MIB - PAGE, Buffer.from([3]));
    memory.write(4 * MIB, Buffer.from([4]));
    memory.write(4 * MIB + 2 * PAGE - 1, Buffer.from([5]));
    expect(used(memory)).toEqual([
      [0, 1, 7],
      [9, 2, 0],
      [1023, 1, 3],
      [1024, 2, 4],
    ]);
  });

  it('of memory with a hole keep their addresses; what cannot be read is left out', () => {
    const high = 2 ** 32;
    const memory = {
      ranges: [
        { start: 0, end: 4 * PAGE, offset: 0 },
        { start: PAGE * 64, end: PAGE * 65, offset: 0 },
        { start: high, end: high + PAGE, offset: 0 },
      ],
      read: (phys: number, into: Uint8Array) => {
        into.fill(phys === high ? 9 : 8);
        return phys !== PAGE * 64;
      },
    };
    expect(used(memory)).toEqual([
      [0, 4, 8],
      [high / PAGE, 1, 9],
    ]);
  });
});
