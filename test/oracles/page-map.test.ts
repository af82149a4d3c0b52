// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { joinRuns, PageMap } from '../../src/oracles/page-map.js';
import { drawingOf } from '../../src/report/html/run/phys-map.js';

describe('a map of pages', () => {
  it('joins neighbours in the same state', () => {
    const map = new PageMap();
    for (const pfn of [1, 2, 3]) map.add(pfn, 'intact');
    map.add(4, 'corrupt');
    map.add(9, 'corrupt');
    expect(map.runs).toEqual([{ pfn: 1, count: 3, state: 'intact' }, { pfn: 4, count: 1, state: 'corrupt' }, { pfn: 9, count: 1, state: 'corrupt' }]);
  });
  it('of several files is in the order of memory, and bounded: what is left out is counted', () => {
    const runs = [{ pfn: 10, count: 2, state: 'lost' as const }, { pfn: 0, count: 10, state: 'lost' as const }, { pfn: 50, count: 1, state: 'own' as const }, { pfn: 20, count: 3, state: 'reused' as const }];
    expect(joinRuns(runs, 9)).toEqual({ runs: [{ pfn: 0, count: 12, state: 'lost' }, { pfn: 20, count: 3, state: 'reused' }, { pfn: 50, count: 1, state: 'own' }], leftOut: 0 });
    expect(joinRuns(runs, 2)).toEqual({ runs: [{ pfn: 0, count: 12, state: 'lost' }, { pfn: 20, count: 3, state: 'reused' }], leftOut: 1 });
  });
});

describe('a picture of memory', () => {
  it('shows the worst of each field, neighbours as one', () => {
    const { pages, rows, extent, fields } = drawingOf([{ phys: '0x0', pages: 16, state: 'intact' }, { phys: '0x8000', pages: 1, state: 'reused' }, { phys: '0x3fff000', pages: 1, state: 'leaked' }]);
    expect([pages, rows, extent]).toEqual([8, 22, 16384]);
    expect(fields).toEqual([{ row: 0, column: 0, width: 1, state: 'intact' }, { row: 0, column: 1, width: 1, state: 'reused' }, { row: 21, column: 31, width: 1, state: 'leaked' }]);
  });
  it('bears addresses that are none, and memory of any size', () => {
    expect(drawingOf([{ phys: 'nowhere', pages: 1, state: 'lost' }, { phys: '0x0', pages: 0, state: 'lost' }]).fields).toEqual([]);
    expect(drawingOf([{ phys: '0xffffffff000', pages: 1, state: 'lost' }]).fields).toHaveLength(1);
  });
});
