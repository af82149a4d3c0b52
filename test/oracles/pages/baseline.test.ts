// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { baselinePages } from '../../../src/oracles/pages/baseline.js';
import { KhopIndex } from '../../../src/oracles/pages/khop.js';
import { PAGE } from '../../../src/oracles/files/pattern.js';
import { writeFdt } from '../../handover/memory/make-fdt.js';

/** Memory of 64 MiB with these bytes at the start of pages. */
function memory(pages: Readonly<Record<number, Uint8Array>>) {
  return (phys: number, into: Uint8Array): boolean => {
    if (phys + into.length > 64 << 20) return false;
    into.fill(0);
    for (const [pfn, bytes] of Object.entries(pages)) {
      const at = Number(pfn) * PAGE - phys;
      if (at >= 0 && at < into.length) into.set(bytes.subarray(0, into.length - at), at);
    }
    return true;
  };
}

const address = (pfn: number) => BigInt(pfn * PAGE);
const header = (pages: bigint, count: bigint) => {
  const bytes = Buffer.alloc(PAGE);
  bytes.writeBigUInt64LE(pages, 0);
  bytes.writeBigUInt64LE(count, 8);
  return bytes;
};
const one = (pfn: number, order = 0) => ({ pfn, order });

describe('pages that belong to the handover itself', () => {
  const root = writeFdt({
    properties: { compatible: 'kho-v3' },
    children: [
      { name: 'LUO', properties: { 'preserved-data': address(11) } },
      { name: 'memblock', properties: { 'preserved-data': address(12) } },
      { name: 'kexec-metadata', properties: { fdt: address(13) } },
      { name: 'odd', properties: {} },
    ],
  });
  const memblock = writeFdt({
    children: [{ name: 'lab_area', properties: { start: address(100), size: BigInt(8 * PAGE) } }],
  });
  const read = memory({ 10: root, 12: memblock, 14: header(1n, 0n), 15: header(1n, 1n), 16: Buffer.from('leaked') });

  it('are each recognised by their content', () => {
    const found = baselinePages(read, [
      one(10),
      one(11),
      one(12),
      one(13),
      one(14),
      one(15),
      one(16),
      one(100, 2),
      one(104, 2),
      one(108),
    ]);
    expect(found).toEqual([
      { pfn: 10, count: 1, what: 'KHO root tree' },
      { pfn: 11, count: 1, what: 'subtree LUO' },
      { pfn: 12, count: 1, what: 'subtree memblock' },
      { pfn: 13, count: 1, what: 'subtree kexec-metadata' },
      { pfn: 14, count: 1, what: 'LUO FLB header' },
      { pfn: 100, count: 4, what: 'reserve_mem lab_area' },
      { pfn: 104, count: 4, what: 'reserve_mem lab_area' },
    ]);
  });

  it('include a header that its structures lead to, whatever it contains, and then no other header', () => {
    const full = memory({ 14: header(1n, 0n), 15: header(1n, 3n) });
    expect(baselinePages(full, [one(14), one(15)], 15)).toEqual([{ pfn: 15, count: 1, what: 'LUO FLB header' }]);
    expect(baselinePages(full, [one(15, 2)], 15)).toEqual([]);
  });

  it.each([
    [0, [10, 11, 32]],
    [1, [10, 11]],
  ])('luo-v1 hands its array of sessions over also where it is empty: with %i in it', (count, pages) => {
    const luo = writeFdt({
      properties: { compatible: 'luo-v1' },
      children: [{ name: 'luo-session', properties: { 'luo-session-header': address(32) } }],
    });
    expect(
      baselinePages(memory({ 10: root, 11: luo, 32: Buffer.of(count) }), [
        one(10),
        one(11),
        one(32, 4),
        one(48, 4),
      ]).map(({ pfn }) => pfn),
    ).toEqual(pages);
    // A page that claims to be more than the array explains nothing.
    expect(
      baselinePages(memory({ 10: root, 11: luo, 32: Buffer.of(count) }), [one(10), one(11), one(32, 5)]).map(
        ({ pfn }) => pfn,
      ),
    ).toEqual([10, 11]);
  });

  it.each<[string, Record<number, Uint8Array>]>([
    ['another tree', { 10: writeFdt({ properties: { compatible: 'luo-v3' } }) }],
    ['a tree without a word', { 10: writeFdt({}) }],
    ['zeros', {}],
    ['a header with something behind it', { 10: Buffer.concat([header(1n, 0n).subarray(0, PAGE - 1), Buffer.of(1)]) }],
    ['a tree that is cut', { 10: root.subarray(0, 80) }],
  ])('%s is not one', (_, pages) => expect(baselinePages(memory(pages), [one(10)])).toEqual([]));

  it('a header is one page', () => expect(baselinePages(memory({ 16: header(1n, 0n) }), [one(16, 2)])).toEqual([]));

  it('include no page that sticks out of a reservation', () => {
    expect(baselinePages(read, [one(10), one(96, 3), one(104, 3)]).map(({ pfn }) => pfn)).toEqual([10]);
  });

  it('are not found where there is no memory', () => {
    expect(baselinePages(read, [one(1 << 30), one(16 << 10, 20), one(Number.MAX_SAFE_INTEGER)])).toEqual([]);
  });

  it('are found in one pass even if a tree points to nothing or to itself', () => {
    const self = writeFdt({
      properties: { compatible: 'kho-v3' },
      children: [
        { name: 'memblock', properties: { 'preserved-data': address(10) } },
        { name: 'far', properties: { fdt: 2n ** 52n } },
      ],
    });
    expect(baselinePages(memory({ 10: self }), [one(10)])).toEqual([{ pfn: 10, count: 1, what: 'KHO root tree' }]);
  });

  it('are searched only among some thousand pages', () => {
    let reads = 0;
    const counting = (phys: number, into: Uint8Array) => {
      reads++;
      return memory({})(phys, into);
    };
    baselinePages(
      counting,
      Array.from({ length: 100_000 }, (_, pfn) => one(pfn % 10_000)),
    );
    expect(reads).toBeLessThan(10_000);
  });
});

describe('the index of marked pages', () => {
  it('accepts overlapping marks in any order', () => {
    const index = new KhopIndex([one(8, 2), one(0), one(9), one(4, 2), one(20), one(6)]);
    expect(Array.from({ length: 24 }, (_, pfn) => (index.has(pfn) ? 'x' : '.')).join('')).toBe(
      'x...xxxxxxxx........x...',
    );
    expect(new KhopIndex([]).has(0)).toBe(false);
    expect(new KhopIndex([one(4, 2), one(8), one(10)]).ranges).toEqual([
      { start: 4, end: 9 },
      { start: 10, end: 11 },
    ]);
  });

  it('is small even if every page claims to be the largest possible', () => {
    const index = new KhopIndex(Array.from({ length: 262_144 }, (_, pfn) => one(pfn, 20)));
    expect([index.has(0), index.has(262_143 + 2 ** 20 - 1), index.has(262_143 + 2 ** 20)]).toEqual([true, true, false]);
  });
});
