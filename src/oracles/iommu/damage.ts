// SPDX-License-Identifier: Apache-2.0
// Chooses which word of a device's page tables to change for a named kind of damage. Pure: the caller writes the word.
import { hex, PAGE, type ReadPhys } from '../../handover/memory/memory.js';
import type { TableDamage } from '../../model/scenario/scenario.js';
import type { DeviceTables, TableKind, TablePage } from './walk/types.js';

/** One entry of 8 bytes at a physical address. */
export interface EntryChange {
  at: number;
  from: bigint;
  to: bigint;
  /** One sentence for a reader. */
  what: string;
}

const ADDRESS = 0x000f_ffff_ffff_f000n;
const ENTRIES = PAGE / 8;
/**
 * Bits that are never set in an entry that leads to a table: snoop of VT-d (bit 11), a large page that is not aligned,
 * 58:52 of AMD-Vi.
 */
const RESERVED: Partial<Record<TableKind, bigint>> = {
  'second-level': 0x800n,
  'first-level': 0x2080n,
  host: 1n << 52n,
};

/** Returns null if the walk found no page table that can be damaged in this way. */
export function damageOf(
  read: ReadPhys,
  { tables }: Pick<DeviceTables, 'tables'>,
  damage: TableDamage,
): EntryChange | null {
  const pages = tables.filter(({ level }) => level > 0);
  const leaf = pages.find(({ level }) => level === Math.min(...pages.map((page) => page.level)));
  if (leaf === undefined) return null;
  if (damage === 'elsewhere') {
    const entry = entriesOf(read, leaf).find(({ value }) => value !== 0n);
    if (entry === undefined) return null;
    return {
      at: entry.at,
      from: entry.value,
      to: entry.value ^ (1n << BigInt(12 + 9 * (leaf.level - 1))),
      what: `the first entry of a table of level ${leaf.level}, which maps a page, leads to its neighbour`,
    };
  }
  for (const above of pages.filter(({ level }) => level > leaf.level)) {
    const entry = entriesOf(read, above).find(({ value }) => value !== 0n && Number(value & ADDRESS) === leaf.phys);
    if (entry === undefined) continue;
    const { at, value } = entry;
    const place = `an entry of the table of level ${above.level} at ${hex(above.phys)}`;
    switch (damage) {
      case 'loop':
        return { at, from: value, to: (value & ~ADDRESS) | BigInt(above.phys), what: `${place} leads to that table` };
      case 'reserved':
        return { at, from: value, to: value | (RESERVED[above.kind] ?? 0n), what: `${place} has reserved bits set` };
      case 'not-present':
        return { at, from: value, to: 0n, what: `${place} is empty` };
    }
  }
  return null;
}

function entriesOf(read: ReadPhys, { phys }: TablePage): { at: number; value: bigint }[] {
  const page = Buffer.alloc(PAGE);
  if (!read(phys, page)) return [];
  return Array.from({ length: ENTRIES }, (_, i) => ({ at: phys + i * 8, value: page.readBigUInt64LE(i * 8) }));
}
