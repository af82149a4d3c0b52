// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { checkMapped } from '../../../src/oracles/files/mapped.js';

const run = (iova: number, phys: number, pages: number) => ({
  iova: BigInt(iova),
  phys,
  length: pages * 4096,
  rights: 'rw' as const,
});

test('accepts a file whose pages are all in place, however the runs are cut', () => {
  const mappings = [run(0x100000, 0x5000, 2), run(0x102000, 0x9000, 2), run(0x900000, 0x1000, 1)];
  expect(
    checkMapped(mappings, 0x100000, [
      { page: 0, pfn: 5, count: 2 },
      { page: 2, pfn: 9, count: 2 },
    ]),
  ).toEqual({ pages: 4, right: 4, wrong: 0, missing: 0, first: null });
});

test('reports pages that lead elsewhere or nowhere', () => {
  const check = checkMapped([run(0x101000, 0x7000, 1)], 0x100000, [{ page: 0, pfn: 5, count: 3 }]);
  expect(check).toEqual({
    pages: 3,
    right: 0,
    wrong: 1,
    missing: 2,
    first: { page: 0, iova: 0x100000, phys: null, expected: 0x5000 },
  });
});
