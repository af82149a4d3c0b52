// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { type TableProblemKind, walkAmd } from '../../../../src/oracles/iommu/index.js';
import { amd, R, RW, SID } from './tables.js';

it.each([1, 2, 3, 4, 5, 6])('tables of %i levels', (levels) => {
  const { machine, base, entry, table, register } = amd(levels);
  machine.amd(table, levels, 0x1000n, 0x5000n);
  machine.amd(table, levels, 0x2000n, 0x6000n);
  machine.amd(table, levels, 0x3000n, 0x7000n, 1, 0n, R);
  const walk = walkAmd(machine.read, register, SID);
  expect(walk).toMatchObject({
    iommu: 'amd',
    state: 'translated',
    mode: 'device-table',
    levels,
    domain: 9,
    problemCount: 0,
    mappings: [
      { iova: 0x1000n, phys: 0x5000, length: 0x2000, rights: 'rw' },
      { iova: 0x3000n, phys: 0x7000, length: 0x1000, rights: 'r' },
    ],
  });
  // Entry 0x80 of 32 bytes is the first one on the second page of the table.
  expect(entry).toBe(base + 4096);
  expect(walk.tables[0]).toEqual({ phys: entry, kind: 'device', level: 0 });
  expect(walk.tables).toHaveLength(1 + levels);
});

it('maps the last page of 64 bits', () => {
  const { machine, table, register } = amd(6);
  machine.leaf(
    table,
    6,
    (1n << 64n) - 0x1000n,
    1,
    0x5000n | 1n | (RW << 61n),
    (below) => 1n | (BigInt(below) << 9n) | (RW << 61n),
  );
  expect(walkAmd(machine.read, register, SID).mappings).toEqual([
    { iova: (1n << 64n) - 0x1000n, phys: 0x5000, length: 0x1000, rights: 'rw' },
  ]);
});

it('maps a page at a higher level', () => {
  const { machine, table, register } = amd(3);
  machine.amd(table, 3, 0x200000n, 0x600000n, 2);
  expect(walkAmd(machine.read, register, SID).mappings).toEqual([
    { iova: 0x200000n, phys: 0x600000, length: 0x200000, rights: 'rw' },
  ]);
});

it.each([
  // [size in pages, address bits below the size's, level]
  [2n, 0x0000n, 1],
  [8n, 0x3000n, 1],
  [64n, 0x1f000n, 1],
  [1024n, 0x1ff000n, 2],
])('a page of %i pages of 4 KiB', (pages, ones, level) => {
  const { machine, table, register } = amd(3);
  const size = pages * 4096n;
  const slot = level === 1 ? 4096n : 0x200000n;
  for (let at = 0n; at < size; at += slot) machine.amd(table, 3, 0x40000000n + at, 0x2000000n | ones, level, 7n);
  expect(walkAmd(machine.read, register, SID)).toMatchObject({
    problemCount: 0,
    mappings: [{ iova: 0x40000000n, phys: 0x2000000, length: Number(size), rights: 'rw' }],
  });
});

it('accepts tables that skip levels', () => {
  const { machine, table, register } = amd(4);
  const last = machine.page();
  machine.set(table, 1, BigInt(last) | 1n | (1n << 9n) | (RW << 61n));
  machine.amd(last, 1, 0x3000n, 0x5000n);
  expect(walkAmd(machine.read, register, SID).mappings).toEqual([
    { iova: (1n << 39n) + 0x3000n, phys: 0x5000, length: 0x1000, rights: 'rw' },
  ]);
});

describe('device table entries', () => {
  const entries: readonly [string, bigint, string, TableProblemKind[]][] = [
    ['not valid', 0n, 'pass-through', []],
    ['without a translation', 1n, 'blocked', ['not-present']],
    ['of no levels and no rights', 3n, 'blocked', []],
    ['of no levels', 3n | (RW << 61n), 'pass-through', []],
    ['of seven levels', 3n | (7n << 9n), 'broken', ['unsupported']],
    ['of a guest', 3n | (1n << 55n), 'broken', ['unsupported']],
    ['with reserved bits', 3n | 0x40n, 'broken', ['reserved-bits']],
    ['that leads nowhere', 0x7f000000n | 3n | (3n << 9n), 'translated', ['outside-ram']],
  ];
  it.each(entries)('%s', (_, word, state, problems) => {
    const { machine, entry, register } = amd();
    machine.set(entry, 0, word);
    const walk = walkAmd(machine.read, register, SID);
    expect(walk.state).toBe(state);
    expect(walk.problems.map(({ kind }) => kind)).toEqual(problems);
  });

  it('reports a device beyond the end of the table', () => {
    const { machine, register } = amd();
    expect(walkAmd(machine.read, register, 0x100)).toMatchObject({
      state: 'blocked',
      problems: [{ kind: 'not-present', detail: 'the device table has 256 entries, none for 01:00.0' }],
    });
  });

  it('applies the rights of the device table entry', () => {
    const { machine, entry, table, register } = amd();
    machine.set(entry, 0, BigInt(table) | 3n | (3n << 9n) | (R << 61n));
    machine.amd(table, 3, 0n, 0x5000n);
    expect(walkAmd(machine.read, register, SID).mappings).toMatchObject([{ rights: 'r' }]);
  });
});

describe('wrong page table entries', () => {
  const entries: readonly [string, (table: number) => bigint, TableProblemKind][] = [
    ['same level', (table) => BigInt(table + 0x100000) | 1n | (3n << 9n), 'unsupported'],
    ['level 6 below level 3', () => 0x5000n | 1n | (6n << 9n), 'unsupported'],
    ["size below the level's", () => 0x3000n | 1n | (7n << 9n), 'unsupported'],
    ['page that is not aligned', () => 0x5000n | 1n, 'reserved-bits'],
    ['reserved bits', () => 1n | (1n << 52n), 'reserved-bits'],
    ['itself', (table) => BigInt(table) | 1n | (2n << 9n), 'loop'],
  ];
  it.each(entries)('%s', (_, entry, kind) => {
    const { machine, table, register } = amd(3);
    machine.set(table, 4, entry(table));
    const walk = walkAmd(machine.read, register, SID);
    expect(walk.problems.map((problem) => problem.kind)).toEqual([kind]);
    expect(walk).toMatchObject({ mappings: [], complete: false });
  });
});
