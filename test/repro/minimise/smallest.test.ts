// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { smallest } from '../../../src/repro/minimise/search/smallest.js';

async function search(size: number, fails: (number: number) => boolean, jobs = 2) {
  const tried: number[] = [];
  const found = await smallest(
    size,
    async (numbers) => {
      tried.push(...numbers);
      const index = numbers.findIndex(fails);
      return index < 0 ? null : index;
    },
    jobs,
  );
  return { found, tried };
}

describe('the smallest number that fails', () => {
  it.each([1, 2, 3, 4])('is exact for each boundary, with %i trials at once', async (jobs) => {
    for (const size of [1, 2, 3, 4, 5, 17, 51, 100])
      for (let from = 0; from < size; from++)
        expect((await search(size, (number) => number >= from, jobs)).found).toBe(from);
  });

  it('takes few trials, and none twice', async () => {
    const { tried } = await search(4096, (number) => number >= 2991);
    expect(tried.length).toBeLessThan(20);
    expect(new Set(tried).size).toBe(tried.length);
  });

  it('is one that fails, however little the numbers between say', async () => {
    expect((await search(102, (number) => (number + 1) % 51 === 0)).found).toBe(50);
    expect((await search(100, (number) => number === 99)).found).toBe(99);
    const odd = (number: number) => number % 2 === 1;
    expect(odd((await search(100, odd)).found)).toBe(true);
  });
});
