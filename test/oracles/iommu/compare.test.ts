// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { compareTables, type DeviceTables, type MappingRun, type Rights } from '../../../src/oracles/iommu/index.js';
import { random } from './walk/tables.js';

const P = 4096;

function tables(...runs: readonly [iova: number, phys: number, pages: number, rights?: Rights][]): DeviceTables {
  const mappings: MappingRun[] = runs.map(([iova, phys, pages, rights = 'rw']) => ({
    iova: BigInt(iova * P),
    phys: phys * P,
    length: pages * P,
    rights,
  }));
  return {
    iommu: 'intel',
    sourceId: 0,
    state: 'translated',
    mode: 'legacy',
    levels: 3,
    domain: 1,
    mappings,
    tables: [],
    problems: [],
    problemCount: 0,
    complete: true,
  };
}

const counts = (...[before, after, ownerOf]: Parameters<typeof compareTables>) => {
  const { same, lost, changed, new: fresh, rights, corrupt } = compareTables(before, after, ownerOf);
  return [same, lost, changed, fresh, rights, corrupt];
};

it('finds no difference if only the runs are cut differently', () => {
  expect(counts(tables([16, 100, 8]), tables([16, 100, 3], [19, 103, 5]))).toEqual([8, 0, 0, 0, 0, 0]);
  expect(counts(tables(), tables())).toEqual([0, 0, 0, 0, 0, 0]);
});

it('finds lost, new and changed mappings and rights, piece by piece', () => {
  const result = compareTables(
    tables([0, 100, 4], [10, 200, 4], [20, 300, 2]),
    tables([2, 102, 6], [10, 200, 2], [12, 500, 2], [20, 300, 2, 'r']),
  );
  expect(result).toMatchObject({ same: 4, lost: 2, new: 4, changed: 2, rights: 2, corrupt: 0, complete: true });
  expect(result.differences).toEqual([
    {
      kind: 'lost',
      iova: 0n,
      length: 2 * P,
      before: { phys: 100 * P, rights: 'rw' },
      after: null,
      owner: null,
      corrupt: false,
    },
    {
      kind: 'new',
      iova: BigInt(4 * P),
      length: 4 * P,
      before: null,
      after: { phys: 104 * P, rights: 'rw' },
      owner: null,
      corrupt: false,
    },
    {
      kind: 'changed',
      iova: BigInt(12 * P),
      length: 2 * P,
      before: { phys: 202 * P, rights: 'rw' },
      after: { phys: 500 * P, rights: 'rw' },
      owner: null,
      corrupt: false,
    },
    {
      kind: 'rights',
      iova: BigInt(20 * P),
      length: 2 * P,
      before: { phys: 300 * P, rights: 'rw' },
      after: { phys: 300 * P, rights: 'r' },
      owner: null,
      corrupt: false,
    },
  ]);
});

it('reports memory of another owner as corrupt, page by page', () => {
  const ownerOf = (phys: number): string | null => (phys < 150 * P ? 'vm0/ram' : phys < 202 * P ? 'vm1/ram' : null);
  // Pages 200 and 201 belong to vm1, the next two to nobody.
  const result = compareTables(tables([0, 100, 4]), tables([0, 200, 4], [8, 149, 1], [9, 300, 1]), ownerOf);
  expect(result).toMatchObject({ changed: 4, new: 2, corrupt: 3 });
  expect(result.differences.map(({ kind, iova, owner, corrupt }) => [kind, Number(iova) / P, owner, corrupt])).toEqual([
    ['changed', 0, 'vm1/ram', true],
    ['changed', 2, null, false],
    ['new', 8, 'vm0/ram', true],
    ['new', 9, null, false],
  ]);
  expect(counts(tables([0, 100, 2]), tables([0, 110, 2]), ownerOf)).toEqual([0, 0, 2, 0, 0, 0]);
});

it('reports everything as new or changed when translation becomes pass-through', () => {
  const after: DeviceTables = {
    ...tables(),
    state: 'pass-through',
    mappings: [{ iova: 0n, phys: 0, length: 2 ** 52, rights: 'rw' }],
  };
  const result = compareTables(tables([16, 100, 4]), after);
  expect(result).toMatchObject({
    changed: 4,
    new: 2 ** 40 - 4,
    lost: 0,
    state: { before: 'translated', after: 'pass-through' },
  });
  expect(compareTables(tables([16, 16, 4]), after, (phys) => (phys === 5 * P ? 'vm0/ram' : null))).toMatchObject({
    same: 4,
    changed: 0,
    corrupt: 1,
  });
});

it('counts all differences and keeps the first of each kind', () => {
  const many = tables(...Array.from({ length: 1000 }, (_, i): [number, number, number] => [2 * i, 5000 + 3 * i, 1]));
  const result = compareTables(many, tables());
  expect(result.lost).toBe(1000);
  expect(result.differences).toHaveLength(64);
  expect(compareTables(tables(), many).differences).toHaveLength(64);
  expect(compareTables({ ...many, complete: false }, many)).toMatchObject({ same: 1000, complete: false });
});

it('agrees with a page-by-page comparison', () => {
  const next = random(17);
  for (let round = 0; round < 300; round++) {
    const side = (): [DeviceTables, Map<number, string>] => {
      const runs: [number, number, number, Rights][] = [];
      const pages = new Map<number, string>();
      for (let iova = next() % 3; iova < 40; iova += next() % 4) {
        const [phys, count, rights] = [
          iova + 100 * (next() % 2),
          1 + (next() % 6),
          next() % 4 === 0 ? 'r' : 'rw',
        ] as const;
        runs.push([iova, phys, count, rights]);
        for (let i = 0; i < count; i++) pages.set(iova + i, `${phys + i} ${rights}`);
        iova += count;
      }
      return [tables(...runs), pages];
    };
    const [[before, pagesBefore], [after, pagesAfter]] = [side(), side()];
    const expected = [0, 0, 0, 0, 0, 0];
    const count = (index: number): void => void (expected[index] = (expected[index] as number) + 1);
    for (const page of new Set([...pagesBefore.keys(), ...pagesAfter.keys()])) {
      const [was, is] = [pagesBefore.get(page), pagesAfter.get(page)];
      if (was === is) count(0);
      else if (is === undefined) count(1);
      else if (was === undefined) count(3);
      else count(was.split(' ')[0] === is.split(' ')[0] ? 4 : 2);
    }
    expect(counts(before, after)).toEqual(expected);
  }
});
