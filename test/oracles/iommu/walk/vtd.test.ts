// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { addressText, type TableProblemKind, walkDevice, walkIntel } from '../../../../src/oracles/iommu/index.js';
import { legacy, MIB, R, RW, scalable, SID, W } from './tables.js';

const GIB = 2 ** 30;

describe('legacy mode', () => {
  it.each([3, 4, 5])('walks tables of %i levels and joins neighbours', (levels) => {
    const { machine, root, context, table, register } = legacy(levels);
    for (let i = 0; i < 4; i++) machine.second(table, levels, 0x100000n + BigInt(i) * 0x1000n, 0x800000 + i * 0x1000);
    machine.second(table, levels, 0x104000n, 0x900000);
    machine.second(table, levels, 0x105000n, 0x901000, 1, R);
    const walk = walkIntel(machine.read, register, SID);
    expect(walk).toMatchObject({
      state: 'translated',
      mode: 'legacy',
      levels,
      domain: 7,
      problems: [],
      problemCount: 0,
      complete: true,
    });
    expect(walk.mappings).toEqual([
      { iova: 0x100000n, phys: 0x800000, length: 0x4000, rights: 'rw' },
      { iova: 0x104000n, phys: 0x900000, length: 0x1000, rights: 'rw' },
      { iova: 0x105000n, phys: 0x901000, length: 0x1000, rights: 'r' },
    ]);
    expect(walk.tables.slice(0, 3)).toEqual([
      { phys: root, kind: 'root', level: 0 },
      { phys: context, kind: 'context', level: 0 },
      { phys: table, kind: 'second-level', level: levels },
    ]);
    expect(walk.tables).toHaveLength(2 + levels);
  });

  it('maps pages of 2 MiB and 1 GiB, and the last page of the highest space', () => {
    const { machine, table, register } = legacy(5);
    machine.second(table, 5, 0n, 0x40000000, 3);
    machine.second(table, 5, 0x40000000n, 0x80000000, 2);
    machine.second(table, 5, (1n << 57n) - 0x1000n, 0x1000);
    expect(walkIntel(machine.read, register, SID).mappings).toEqual([
      { iova: 0n, phys: 0x40000000, length: GIB + 2 * MIB, rights: 'rw' },
      { iova: (1n << 57n) - 0x1000n, phys: 0x1000, length: 0x1000, rights: 'rw' },
    ]);
  });

  it('combines the rights of all levels; no rights mean no mapping', () => {
    const { machine, table, register } = legacy(3);
    machine.leaf(table, 3, 0n, 1, 0x5000n | RW, () => R);
    machine.leaf(table, 3, 1n << 30n, 1, 0x6000n | W, () => R);
    expect(walkIntel(machine.read, register, SID).mappings).toEqual([
      { iova: 0n, phys: 0x5000, length: 0x1000, rights: 'r' },
    ]);
  });

  it('reports an address beyond RAM only if it knows the RAM', () => {
    const { machine, table, register } = legacy();
    machine.second(table, 4, 0n, 0xfe000000);
    expect(walkIntel(machine.read, register, SID).problemCount).toBe(0);
    const walk = walkIntel(machine.read, register, SID, { ram: [{ start: 0, end: 64 * MIB }] });
    expect(walk).toMatchObject({ complete: true, problems: [{ kind: 'target-outside-ram' }] });
    expect(walk.mappings).toHaveLength(1);
  });
});

type Legacy = ReturnType<typeof legacy>;
const OUTSIDE = 0x7f00_0000n;

describe('damage in legacy mode', () => {
  const broken: readonly [string, (it: Legacy) => void, TableProblemKind, string][] = [
    ['root table outside RAM', (it) => (it.register = OUTSIDE), 'outside-ram', 'broken'],
    ['reserved mode', (it) => (it.register |= 2n << 10n), 'unsupported', 'broken'],
    ['no root entry', ({ machine, root }) => machine.set(root, 0, 0n), 'not-present', 'blocked'],
    [
      'root entry with reserved bits',
      ({ machine, root, context }) => machine.set(root, 0, BigInt(context) | 0x81n),
      'reserved-bits',
      'broken',
    ],
    ['root entry with an upper half', ({ machine, root }) => machine.set(root, 1, 1n), 'reserved-bits', 'broken'],
    ['context table outside RAM', ({ machine, root }) => machine.set(root, 0, OUTSIDE | 1n), 'outside-ram', 'broken'],
    [
      'context table is the root table',
      ({ machine, root }) => machine.set(root, 0, BigInt(root) | 1n),
      'shared',
      'broken',
    ],
    ['no context entry', ({ machine, context }) => machine.set(context, SID * 2, 0n), 'not-present', 'blocked'],
    [
      'context entry with reserved bits',
      ({ machine, context, table }) => machine.set(context, SID * 2, BigInt(table) | 0x11n),
      'reserved-bits',
      'broken',
    ],
    [
      'context entry with a reserved domain',
      ({ machine, context }) => machine.set(context, SID * 2 + 1, 1n << 40n),
      'reserved-bits',
      'broken',
    ],
    [
      'translation type 3',
      ({ machine, context, table }) => machine.set(context, SID * 2, BigInt(table) | 0xdn),
      'unsupported',
      'broken',
    ],
    ['six levels', ({ machine, context }) => machine.set(context, SID * 2 + 1, 4n), 'unsupported', 'broken'],
    [
      'page table outside RAM',
      ({ machine, context }) => machine.set(context, SID * 2, OUTSIDE | 1n),
      'outside-ram',
      'translated',
    ],
    [
      'table that is its own child',
      ({ machine, table }) => machine.set(table, 5, BigInt(table) | RW),
      'loop',
      'translated',
    ],
    [
      'table reached twice',
      ({ machine, table }) => {
        machine.second(table, 4, 0n, 0x5000);
        machine.set(table, 1, machine.get(table, 0));
      },
      'shared',
      'translated',
    ],
    ['child outside RAM', ({ machine, table }) => machine.set(table, 5, OUTSIDE | RW), 'outside-ram', 'translated'],
    ['512 GiB page', ({ machine, table }) => machine.set(table, 5, RW | 0x80n), 'reserved-bits', 'translated'],
    [
      '2 MiB page that is not aligned',
      ({ machine, table }) => machine.second(table, 4, 0n, 0x1000, 2),
      'reserved-bits',
      'translated',
    ],
    [
      'snoop bit in an entry that leads to a table',
      ({ machine, table }) => machine.set(table, 5, 0x5000n | RW | 0x800n),
      'reserved-bits',
      'translated',
    ],
  ];

  it.each(broken)('%s', (_, breakIt, kind, state) => {
    const tables = legacy();
    breakIt(tables);
    const walk = walkIntel(tables.machine.read, tables.register, SID);
    expect(walk.state).toBe(state);
    expect(walk.problems.map((problem) => problem.kind)).toEqual([kind]);
    expect(walk.complete).toBe(kind === 'not-present');
  });

  it('reports an address wider than those of the machine', () => {
    const { machine, table, register } = legacy();
    machine.second(table, 4, 0n, 2 ** 40);
    expect(walkIntel(machine.read, register, SID).problemCount).toBe(0);
    expect(walkIntel(machine.read, register, SID, { addressBits: 40 }).problems).toMatchObject([
      { kind: 'reserved-bits' },
    ]);
  });

  it('knows pass-through and the mode that blocks everything', () => {
    const { machine, context, register } = legacy();
    machine.set(context, SID * 2, 0x9n);
    expect(walkIntel(machine.read, register, SID)).toMatchObject({
      state: 'pass-through',
      domain: 7,
      mappings: [{ iova: 0n, phys: 0, length: 2 ** 52, rights: 'rw' }],
    });
    expect(walkIntel(machine.read, register | (3n << 10n), SID)).toMatchObject({
      state: 'blocked',
      mode: 'abort',
      tables: [],
      problemCount: 0,
    });
  });

  it('stops at its limits for tables and runs', () => {
    const { machine, table, register } = legacy();
    for (let i = 0; i < 20; i++) machine.second(table, 4, BigInt(i) << 21n, 0x5000);
    const few = walkIntel(machine.read, register, SID, { maxTables: 8 });
    expect(few.tables).toHaveLength(8);
    expect(few.problems).toMatchObject([{ kind: 'bound' }]);
    const short = walkIntel(machine.read, register, SID, { maxRuns: 5 });
    expect(short.mappings).toHaveLength(5);
    expect(short.problems).toMatchObject([{ kind: 'bound' }]);
  });

  it('counts all problems and keeps the first', () => {
    const { machine, table, register } = legacy();
    for (let i = 0; i < 512; i++) machine.set(table, i, OUTSIDE | RW);
    const walk = walkIntel(machine.read, register, SID);
    expect(walk.problemCount).toBe(512);
    expect(walk.problems).toHaveLength(64);
  });
});

describe('scalable mode', () => {
  const SECOND = 1n | (2n << 2n) | (2n << 6n);
  const FIRST = 1n | (1n << 6n);

  it('walks second-level tables', () => {
    const { machine, directory, pasids, context, root, table, register } = scalable((at) => [BigInt(at) | SECOND, 11n]);
    machine.second(table, 4, 0x1000n, 0x5000);
    const walk = walkIntel(machine.read, register, SID);
    expect(walk).toMatchObject({
      state: 'translated',
      mode: 'scalable',
      levels: 4,
      domain: 11,
      problemCount: 0,
      mappings: [{ iova: 0x1000n, phys: 0x5000, length: 0x1000, rights: 'rw' }],
    });
    expect(walk.tables.slice(0, 4)).toEqual([
      { phys: root, kind: 'root', level: 0 },
      { phys: context, kind: 'context', level: 0 },
      { phys: directory, kind: 'pasid-directory', level: 0 },
      { phys: pasids, kind: 'pasid', level: 0 },
    ]);
  });

  it.each([
    [4, 0n],
    [5, 1n],
  ])('first-level tables of %i levels; the upper half is sign-extended', (levels, paging) => {
    const { machine, table, register } = scalable((at) => [FIRST, 11n, BigInt(at) | (paging << 2n)]);
    machine.first(table, levels, 0x1000n, 0x5000, 1, 7n);
    machine.first(table, levels, 0x200000n, 0x600000, 2, 5n | (1n << 63n));
    machine.first(table, levels, 0x400000n, 0x7000, 1, 3n);
    machine.first(table, levels, (1n << 64n) - 0x1000n, 0x9000);
    expect(walkIntel(machine.read, register, SID)).toMatchObject({
      state: 'translated',
      levels,
      problemCount: 0,
      mappings: [
        { iova: 0x1000n, phys: 0x5000, length: 0x1000, rights: 'rwx' },
        { iova: 0x200000n, phys: 0x600000, length: 2 * MIB, rights: 'r' },
        { iova: (1n << 64n) - 0x1000n, phys: 0x9000, length: 0x1000, rights: 'rw' },
      ],
    });
  });

  it('walks for another PASID, and reports one beyond the directory', () => {
    const { machine, pasids, table, register } = scalable(() => [0n]);
    machine.set(pasids, 3 * 8, BigInt(table) | SECOND);
    machine.second(table, 4, 0n, 0x5000);
    expect(walkIntel(machine.read, register, SID)).toMatchObject({
      state: 'blocked',
      problems: [{ kind: 'not-present' }],
    });
    expect(walkIntel(machine.read, register, SID, { pasid: 67 })).toMatchObject({
      state: 'translated',
      mappings: [{ phys: 0x5000 }],
    });
    expect(walkIntel(machine.read, register, SID, { pasid: 130 })).toMatchObject({
      state: 'blocked',
      problems: [{ kind: 'not-present' }],
    });
    expect(walkIntel(machine.read, register, SID, { pasid: 1 << 13 })).toMatchObject({
      state: 'broken',
      problems: [{ kind: 'unsupported' }],
    });
  });

  it.each([
    ['pass-through', 1n | (4n << 6n), 'pass-through', []],
    ['nested', 1n | (3n << 6n), 'broken', ['unsupported']],
    ['type 0', 1n, 'broken', ['unsupported']],
    ['address width 0', 1n | (2n << 6n), 'broken', ['unsupported']],
    ['reserved bits', 1n | (4n << 6n) | 0x400n, 'broken', ['reserved-bits']],
  ] as const)('%s', (_, word, state, problems) => {
    const { machine, register } = scalable(() => [word]);
    const walk = walkIntel(machine.read, register, SID);
    expect(walk.state).toBe(state);
    expect(walk.problems.map(({ kind }) => kind)).toEqual(problems);
  });

  it('uses the lower context table for lower functions', () => {
    const { machine, register } = scalable(() => []);
    expect(walkIntel(machine.read, register, 0x08).problems[0]?.detail).toBe(
      'root entry of bus 00 is not present: nothing of 00:01.0 passes',
    );
  });
});

it('virtio-iommu has no tables', () =>
  expect(walkDevice(() => false, { iommu: 'virtio' }, SID)).toMatchObject({ iommu: 'virtio', state: 'no-tables' }));
it('formats addresses like lspci', () =>
  expect([0, 0xfa, 0xffff].map(addressText)).toEqual(['00:00.0', '00:1f.2', 'ff:1f.7']));

it('walks 1 GiB of separate 4 KiB pages in well under two seconds', () => {
  const { machine, table, register } = legacy(3, 64 * MIB);
  // Neighbours in IOVA space are not neighbours in memory, so nothing is joined.
  for (let i = 0; i < 512 * 512; i++) machine.second(table, 3, BigInt(i) << 12n, (i ^ 1) * 4096);
  const start = performance.now();
  const walk = walkIntel(machine.read, register, SID);
  const ms = performance.now() - start;
  expect(walk.mappings).toHaveLength(512 * 512);
  expect(walk.tables).toHaveLength(2 + 1 + 1 + 512);
  expect(ms).toBeLessThan(2000);
});
