// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { ddmin, type DdminOptions, shapeOf } from '../../../src/repro/minimise/search/ddmin.js';

async function search<T>(all: readonly T[], fails: (kept: readonly T[]) => boolean, options: DdminOptions<T> = {}) {
  let tried = 0;
  const kept = await ddmin(
    all,
    async (candidates) => {
      const index = candidates.findIndex((candidate) => {
        tried++;
        return fails(candidate);
      });
      return index < 0 ? null : index;
    },
    options,
  );
  return { kept, tried };
}

const numbers = Array.from({ length: 100 }, (_, n) => n);

describe('ddmin', () => {
  it('finds each pair of needed entries, and nothing else stays', async () => {
    for (const a of [0, 1, 37, 99])
      for (const b of [0, 2, 50, 98, 99]) {
        const fails = (kept: readonly number[]) => kept.includes(a) && kept.includes(b);
        expect((await search(numbers, fails)).kept).toEqual([...new Set([a, b])].sort((x, y) => x - y));
      }
  });

  it('tries at once whether nothing is needed, and keeps the least that is asked for', async () => {
    expect(await search(numbers, () => true)).toEqual({ kept: [], tried: 1 });
    expect((await search(numbers, () => true, { min: 3 })).kept).toHaveLength(3);
    expect((await search([], () => true)).kept).toEqual([]);
    expect((await search([1], () => false)).kept).toEqual([1]);
  });

  it('copies that are all needed count as a number, and others are still left out one by one', async () => {
    const copies = Array.from({ length: 200 }, (_, n) => `vm-${n}`);
    const all = [...copies.slice(0, 100), 'a', ...copies.slice(100), 'b', 'c'];
    const fails = (kept: readonly string[]) =>
      kept.filter((each) => each.startsWith('vm')).length >= 200 && kept.includes('b');
    const { kept, tried } = await search(all, fails, { shapeOf });
    expect(kept).toEqual([...copies, 'b']);
    expect(tried).toBeLessThan(50);
  });

  it('one of many copies is found', async () => {
    const copies = Array.from({ length: 200 }, (_, n) => `vm-${n}`);
    expect((await search(copies, (kept) => kept.includes('vm-137'), { shapeOf })).kept).toEqual(['vm-137']);
  });
});
