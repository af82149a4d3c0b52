// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AreaList, type PageSpan } from '../../../src/handover/contents/area-list.js';

const spans = fc.array(fc.record({ pfn: fc.nat(64), count: fc.integer({ min: 1, max: 9 }) }), { maxLength: 12 });
const pagesOf = (all: readonly PageSpan[]) =>
  new Set(all.flatMap(({ pfn, count }) => Array.from({ length: count }, (_, i) => pfn + i)));

describe('areas of preserved memory', () => {
  it('know the order of an area by its first page alone', () => {
    const areas = new AreaList();
    for (const area of [5, 3, 9].map((pfn) => ({ pfn, order: 0 }))) areas.add(area);
    areas.add({ pfn: 16, order: 3 });
    expect([3, 4, 5, 9, 16, 17].map((pfn) => areas.orderOf(pfn))).toEqual([0, null, 0, 0, 3, null]);
    expect(areas.pages).toBe(11);
  });

  it('without the claimed ones are exactly the others, ascending and disjoint', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(64), { maxLength: 40 }), spans, (singles, claimed) => {
        const areas = new AreaList();
        for (const pfn of singles) areas.add({ pfn, order: 0 });
        areas.add({ pfn: 128, order: 4 });
        const left = areas.without([...claimed, { pfn: 130, count: 2 }]);
        const taken = pagesOf([...claimed, { pfn: 130, count: 2 }]);
        const all = [...pagesOf([...singles.map((pfn) => ({ pfn, count: 1 })), { pfn: 128, count: 16 }])];
        expect([...pagesOf(left)]).toEqual(all.filter((pfn) => !taken.has(pfn)).sort((a, b) => a - b));
      }),
    );
  });

  it('hold many single pages', () => {
    const areas = new AreaList();
    for (let i = 0; i < 5000; i++) areas.add({ pfn: 10_000 - i, order: 0 });
    expect(areas.without([])).toEqual([{ pfn: 5001, count: 5000 }]);
  });
});
