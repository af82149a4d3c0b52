// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { joinRuns, PageMap } from '../../../src/oracles/pages/page-map.js';

describe('a map of pages', () => {
  it('joins neighbours in the same state', () => {
    const map = new PageMap();
    for (const pfn of [1, 2, 3]) map.add(pfn, 'intact');
    map.add(4, 'corrupt');
    map.add(9, 'corrupt');
    expect(map.runs).toEqual([
      { pfn: 1, count: 3, state: 'intact' },
      { pfn: 4, count: 1, state: 'corrupt' },
      { pfn: 9, count: 1, state: 'corrupt' },
    ]);
  });
  it('of several files is sorted by address and bounded, and counts what it drops', () => {
    const runs = [
      { pfn: 10, count: 2, state: 'lost' as const },
      { pfn: 0, count: 10, state: 'lost' as const },
      { pfn: 50, count: 1, state: 'own' as const },
      { pfn: 20, count: 3, state: 'reused' as const },
    ];
    expect(joinRuns(runs, 9)).toEqual({
      runs: [
        { pfn: 0, count: 12, state: 'lost' },
        { pfn: 20, count: 3, state: 'reused' },
        { pfn: 50, count: 1, state: 'own' },
      ],
      leftOut: 0,
    });
    expect(joinRuns(runs, 2)).toEqual({
      runs: [
        { pfn: 0, count: 12, state: 'lost' },
        { pfn: 20, count: 3, state: 'reused' },
      ],
      leftOut: 1,
    });
  });
});
