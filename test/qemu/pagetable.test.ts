// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { kernelRoots, mappings, type PageRoot, readLinear, writeLinear } from '../../src/qemu/pagetable.js';
import { eachStructPage, findPageArray, readStructs, type ArrayLocation } from '../../src/qemu/vmemmap.js';
import { atOnce } from '../../src/util/loop/turns.js';
import { FakeMemory, PageTables } from './fake-memory.js';

const PAGE = 4096;
const MIB = 1 << 20;
const GIB = 1 << 30;
const ROOT = 0x10_0000;
const TOP: PageRoot = { table: ROOT, levels: 4 };
const BASE = 0xffff_ea00_0000_0000n;

function machine(end = 4 * GIB) {
  const memory = new FakeMemory(end);
  return {
    memory,
    tables: new PageTables(memory, ROOT, 0x20_0000),
    find: (linear: bigint, length: number) => mappings(memory, TOP, linear, length),
  };
}

describe('page tables', () => {
  it.each([
    [12, PAGE],
    [21, 2 * MIB],
    [30, GIB],
  ] as const)('pages of 2^%i bytes', (shift, size) => {
    const { tables, find } = machine();
    tables.map(BASE, 2 * GIB, shift);
    expect(find(BASE, size)).toEqual([{ linear: BASE, phys: 2 * GIB, length: size }]);
    // A part of a page, from its middle on.
    expect(find(BASE + 100n, 50)).toEqual([{ linear: BASE + 100n, phys: 2 * GIB + 100, length: 50 }]);
    expect(find(BASE + BigInt(size) - 1n, 2)).toEqual([
      { linear: BASE + BigInt(size) - 1n, phys: 2 * GIB + size - 1, length: 1 },
    ]);
  });

  it('joins parts that are contiguous in both spaces, and leaves holes out', () => {
    const { tables, find } = machine();
    for (const [page, frame] of [
      [0, 100],
      [1, 101],
      [2, 200],
      [4, 202],
      [5, 203],
    ] as const)
      tables.map(BASE + BigInt(page * PAGE), frame * PAGE);
    expect(find(BASE, 8 * PAGE)).toEqual([
      { linear: BASE, phys: 100 * PAGE, length: 2 * PAGE },
      { linear: BASE + BigInt(2 * PAGE), phys: 200 * PAGE, length: PAGE },
      { linear: BASE + BigInt(4 * PAGE), phys: 202 * PAGE, length: 2 * PAGE },
    ]);
  });

  it('joins pages of different sizes', () => {
    const { tables, find } = machine();
    tables.map(BASE, 8 * MIB, 21);
    tables.map(BASE + BigInt(2 * MIB), 10 * MIB);
    expect(find(BASE, 4 * MIB)).toEqual([{ linear: BASE, phys: 8 * MIB, length: 2 * MIB + PAGE }]);
  });

  it('skips large holes with few reads', () => {
    const { memory, tables, find } = machine();
    const far = BASE + BigInt(100 * 512) * BigInt(GIB);
    tables.map(far, 0x30_0000);
    expect(mappings(memory, TOP, far - BigInt(64 * GIB), 64 * GIB + PAGE)).toEqual([
      { linear: far, phys: 0x30_0000, length: PAGE },
    ]);
    expect(memory.reads).toBeLessThan(100);
    expect(find(0n, 0)).toEqual([]);
  });

  it('reads and writes across pages that are not contiguous, all or nothing if one is missing', () => {
    const { memory, tables } = machine();
    tables.map(BASE, 300 * PAGE);
    tables.map(BASE + BigInt(PAGE), 500 * PAGE);
    const text = Buffer.from('over the edge');
    const at = BASE + BigInt(PAGE - 4);
    expect(writeLinear(memory, TOP, at, text)).toBe(true);
    const back = Buffer.alloc(text.length);
    expect(readLinear(memory, TOP, at, back)).toBe(true);
    expect(back.toString()).toBe('over the edge');
    const split = Buffer.alloc(9);
    memory.read(500 * PAGE, split);
    expect(split.toString()).toBe(' the edge');
    expect(writeLinear(memory, TOP, BASE + BigInt(2 * PAGE - 1), text)).toBe(false);
    expect(memory.readU64(501 * PAGE - 8)).toBe(0n);
  });

  it('that are isolated from user space come in pairs', () => {
    const roots = (cr3: bigint) => kernelRoots({ cr3, cr4: 0n }).map(({ table }) => table);
    expect(roots(0x1234_5000n)).toEqual([0x1234_5000, 0x1234_4000]);
    expect(roots(0x1234_4000n)).toEqual([0x1234_4000]);
    // Low bits are the process context; the highest bit forbids a flush.
    expect(roots(0x8000_0000_1234_4fffn)).toEqual([0x1234_4000]);
  });

  it('have a fifth level if CR4 says so', () => {
    const memory = new FakeMemory(4 * GIB);
    const far = 0xffd4_0000_0000_0000n;
    new PageTables(memory, ROOT, 0x20_0000, 5).map(far, 2 * GIB, 21);
    expect(mappings(memory, { table: ROOT, levels: 5 }, far, 2 * MIB)).toEqual([
      { linear: far, phys: 2 * GIB, length: 2 * MIB },
    ]);
    expect(kernelRoots({ cr3: 0x1234_4000n, cr4: 0x1000n })).toEqual([{ table: 0x1234_4000, levels: 5 }]);
  });
});

describe('damaged page tables', () => {
  it('a table that is its own child ends the walk', () => {
    const { memory, tables, find } = machine();
    for (let i = 0; i < 512; i++) tables.set(ROOT, BigInt(i) << 12n, 12, BigInt(ROOT) | 3n);
    const found = find(BASE, 16 * MIB);
    expect(found.reduce((sum, { length }) => sum + length, 0)).toBe(16 * MIB);
    expect(memory.reads).toBeLessThanOrEqual(4 * 4096);
  });

  it('tables where there is no memory are holes', () => {
    const { tables, find } = machine();
    tables.set(ROOT, BASE, 39, 0x000f_ffff_ffff_f001n);
    expect(find(BASE, GIB)).toEqual([]);
    expect(mappings(new FakeMemory(0), TOP, BASE, GIB)).toEqual([]);
  });

  it('garbage ends the walk, and every part lies within the requested range', () => {
    let state = 12345;
    const random = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0);
    for (let round = 0; round < 20; round++) {
      const { memory, find } = machine(64 * MIB);
      for (let i = 0; i < 2000; i++)
        memory.writeU64((random() % (4 * MIB)) & ~7, (BigInt(random()) << 32n) | BigInt(random() % (64 * MIB)) | 1n);
      for (let i = 0; i < 512; i++) memory.writeU64(ROOT + i * 8, BigInt((random() % (4 * MIB)) & ~0xfff) | 1n);
      let at = BASE;
      for (const { linear, length } of find(BASE, 16 * MIB)) {
        expect(linear).toBeGreaterThanOrEqual(at);
        at = linear + BigInt(length);
      }
      expect(at).toBeLessThanOrEqual(BASE + BigInt(16 * MIB));
    }
  });
});

describe('the array of struct page', () => {
  const END = 64 * MIB;
  const PAGES = END / PAGE;

  const find = (memory: FakeMemory, more: Partial<ArrayLocation> = {}) =>
    findPageArray(memory, { registers: { cr3: BigInt(ROOT), cr4: 0n }, variable: null, entry: 64, ...more });
  const each = (
    memory: FakeMemory,
    visit: (structs: Uint32Array, firstPfn: number) => void = () => undefined,
    more: Partial<ArrayLocation> = {},
  ) => {
    const array = find(memory, more);
    return array === null ? 0 : atOnce(eachStructPage(memory, array, visit));
  };

  it('is read in order, in parts of whole entries', () => {
    const { memory, tables } = machine(END);
    tables.map(BASE, 32 * MIB, 21);
    const last = PAGES - 1;
    memory.write(32 * MIB + last * 64, Buffer.from('KHOP'));
    const seen: [number, number][] = [];
    expect(each(memory, (structs, firstPfn) => seen.push([firstPfn, structs.length / 16]))).toBe(PAGES);
    expect(seen).toEqual([[0, PAGES]]);
    each(memory, (structs) => expect(Buffer.from(structs.buffer, last * 64, 4).toString()).toBe('KHOP'));
  });

  it('may have holes', () => {
    const { memory, tables } = machine(END);
    tables.map(BASE, 10 * PAGE);
    tables.map(BASE + BigInt(3 * PAGE), 20 * PAGE);
    const seen: [number, number][] = [];
    expect(each(memory, (structs, firstPfn) => seen.push([firstPfn, structs.length / 16]))).toBe(128);
    expect(seen).toEqual([
      [0, 64],
      [192, 64],
    ]);
  });

  it('can be read page by page, across parts that are not contiguous, but not in holes', () => {
    const { memory, tables } = machine(END);
    tables.map(BASE, 10 * PAGE);
    tables.map(BASE + BigInt(PAGE), 20 * PAGE);
    tables.map(BASE + BigInt(3 * PAGE), 30 * PAGE);
    memory.write(11 * PAGE - 64, Buffer.from('last of the first'));
    memory.write(20 * PAGE, Buffer.from('first of the second'));
    const array = find(memory);
    if (array === null) throw new Error('not found');
    const two = Buffer.alloc(128);
    expect(readStructs(memory, array, 63, two)).toBe(true);
    expect([two.toString('latin1', 0, 17), two.toString('latin1', 64, 83)]).toEqual([
      'last of the first',
      'first of the second',
    ]);
    for (const pfn of [127, 128, 191, 256, 2 ** 30]) expect(readStructs(memory, array, pfn, two)).toBe(false);
  });

  it("is found from user space's half of a pair of tables", () => {
    const { memory, tables } = machine(END);
    tables.map(BASE, 32 * MIB, 21);
    expect(each(memory, undefined, { registers: { cr3: BigInt(ROOT + PAGE), cr4: 0n } })).toBe(PAGES);
  });

  it('is not found if it is not mapped, or not in RAM', () => {
    const { memory, tables } = machine(END);
    expect(find(memory)).toBeNull();
    tables.map(BASE, 2 * GIB, 21);
    expect(find(memory)).toBeNull();
  });

  const VARIABLE = 0xffff_ffff_8194_22d0n;

  it("is found where the kernel's variable says", () => {
    const { memory, tables } = machine(END);
    const moved = 0xffff_f0de_0000_0000n;
    tables.map(moved, 32 * MIB, 21);
    tables.map(VARIABLE & ~0xfffn, 0x30_0000);
    memory.writeU64(0x30_02d0, moved);
    expect(find(memory)).toBeNull();
    expect(find(memory, { variable: VARIABLE })?.base).toBe(moved);
  });

  it.each([0n, 0x1234n, BASE + 8n, 0xffff_8000_0000_0000n])(
    'is where it always is where the variable makes no sense: %s',
    (value) => {
      const { memory, tables } = machine(END);
      tables.map(BASE, 32 * MIB, 21);
      tables.map(VARIABLE & ~0xfffn, 0x30_0000);
      memory.writeU64(0x30_02d0, value);
      expect(find(memory, { variable: VARIABLE })?.base).toBe(BASE);
    },
  );

  it('lies elsewhere with a fifth level', () => {
    const memory = new FakeMemory(END);
    const far = 0xffd4_0000_0000_0000n;
    new PageTables(memory, ROOT, 0x20_0000, 5).map(far, 32 * MIB, 21);
    expect(find(memory, { registers: { cr3: BigInt(ROOT), cr4: 0x1000n } })?.base).toBe(far);
  });
});
