// SPDX-License-Identifier: Apache-2.0
// A walk over tables that were damaged on purpose ends and names the damage.
import { describe, expect, it } from 'vitest';
import { TABLE_DAMAGES, type TableDamage } from '../../../src/model/scenario/scenario.js';
import { damageOf, walkIntel } from '../../../src/oracles/iommu/index.js';
import { legacy, SID } from './walk/tables.js';

function damaged(damage: TableDamage, fill: (it: ReturnType<typeof legacy>) => void) {
  const it = legacy(3);
  fill(it);
  const walk = () => walkIntel(it.machine.read, it.register, SID, { ram: it.machine.memory.ranges });
  const change = damageOf(it.machine.read, walk(), damage);
  if (change === null) return null;
  it.machine.set(change.at, 0, change.to);
  const after = walk();
  return { change, after, problems: after.problems.map(({ kind }) => kind) };
}

const small = ({ machine, table }: ReturnType<typeof legacy>) => {
  for (const i of [0, 1]) machine.second(table, 3, 0x100000n + BigInt(i) * 0x1000n, 0x800000 + i * 0x1000);
};
const large = ({ machine, table }: ReturnType<typeof legacy>) => machine.second(table, 3, 0x200000n, 0x800000, 2);

describe.each([
  ['pages of 4 KiB', small],
  ['a page of 2 MiB', large],
])('%s', (_, fill) => {
  it.each([
    ['loop', ['loop'], false],
    ['reserved', ['reserved-bits'], false],
    ['not-present', [], true],
  ] as const)('%s', (damage, problems, complete) => {
    const found = damaged(damage, fill);
    expect(found?.problems).toEqual(problems);
    expect(found?.after).toMatchObject({ complete, mappings: [] });
  });

  it('elsewhere', () => {
    const found = damaged('elsewhere', fill);
    expect(found?.problems).toEqual([]);
    expect(found?.after.mappings[0]?.phys).not.toBe(0x800000);
  });
});

it.each(TABLE_DAMAGES)('%s finds no entry to damage if nothing is mapped', (damage) =>
  expect(damaged(damage, () => undefined)).toBeNull(),
);
