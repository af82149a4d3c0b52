// SPDX-License-Identifier: Apache-2.0
// AMD-Vi: walks from the device table's base register to the page tables of one device. AMD I/O Virtualization (IOMMU)
// specification 3.10, 2.2.2 (device table entries) and 2.2.3 (host page tables). How the kernel writes them:
// drivers/iommu/amd/amd_iommu_types.h and iommu.c of 7.3.
import { PAGE, type ReadPhys } from '../../../handover/memory/memory.js';
import { addressText, everything, type Found, result, walkPages } from './finish.js';
import { amdHost } from './formats.js';
import { READ, WRITE } from './runs.js';
import type { DeviceTables, WalkOptions } from './types.js';
import { addressOf, entryHex, newWords, Walk } from './walk.js';

const ENTRY = 32;
const MODE = 'device-table';

/**
 * Finds what one device reaches through an AMD-Vi IOMMU that is on. Never throws; stops after `maxTables` tables.
 * @param baseRegister value of the device table base register (MMIO offset 0): address in bits 51:12, number of pages
 * minus one in bits 8:0
 * @param sourceId bus << 8 | devfn
 */
export function walkAmd(
  read: ReadPhys,
  baseRegister: bigint,
  sourceId: number,
  options: WalkOptions = {},
): DeviceTables {
  const walk = new Walk(read, options);
  return result(walk, 'amd', sourceId, fromRegister(walk, options, baseRegister, sourceId));
}

function fromRegister(walk: Walk, options: WalkOptions, register: bigint, sourceId: number): Found {
  const base = Number(BigInt.asUintN(52, register) & ~0xfffn);
  const size = (Number(register & 0x1ffn) + 1) * PAGE;
  const offset = (sourceId & 0xffff) * ENTRY;
  if (offset >= size) {
    walk.problem(
      'not-present',
      null,
      `the device table has ${size / ENTRY} entries, none for ${addressText(sourceId)}`,
    );
    return { state: 'blocked', mode: MODE };
  }
  const words = newWords();
  const page = base + offset - (offset % PAGE);
  if (!walk.table(page, 'device', 0, null, words)) return { state: 'broken', mode: MODE };
  const index = (offset % PAGE) / 4;
  return deviceEntry(walk, options, words.slice(index, index + ENTRY / 4), base + offset, sourceId);
}

/**
 * Decodes the device table entry.
 * @param entry its eight words
 * @param at its physical address
 */
function deviceEntry(walk: Walk, options: WalkOptions, entry: Uint32Array, at: number, sourceId: number): Found {
  const [lo = 0, hi = 0, lo2 = 0] = entry;
  const what = `device table entry of ${addressText(sourceId)}`;
  // An entry that is not valid: the IOMMU lets everything from the device through.
  if ((lo & 1) === 0) return { state: 'pass-through', mode: MODE, mappings: everything() };
  const domain = lo2 & 0xffff;
  if ((lo & 2) === 0) {
    walk.problem('not-present', at, `${what}: no valid translation in it, nothing passes`);
    return { state: 'blocked', mode: MODE, domain };
  }
  // Bits 6:2 are reserved. Bit 55 means that a guest's tables come first.
  if ((lo & 0x7c) !== 0) {
    walk.problem('reserved-bits', at, `${what}: ${entryHex(lo, hi)} has reserved bits set`);
    return { state: 'broken', mode: MODE, domain };
  }
  if ((hi & (1 << 23)) !== 0) {
    walk.problem('unsupported', at, `${what}: guest translation is not walked`);
    return { state: 'broken', mode: MODE, domain };
  }
  const rights = (hi >>> 29) & (READ | WRITE);
  const levels = (lo >>> 9) & 7;
  if (levels === 7) {
    walk.problem('unsupported', at, `${what}: paging mode 7 is reserved`);
    return { state: 'broken', mode: MODE, domain };
  }
  if (levels === 0) {
    if (rights === 0) return { state: 'blocked', mode: MODE, domain };
    return {
      state: 'pass-through',
      mode: MODE,
      domain,
      mappings: everything(rights === READ ? 'r' : rights === WRITE ? 'w' : 'rw'),
    };
  }
  const mappings = walkPages(walk, options, amdHost(options.addressBits ?? 52), addressOf(lo, hi), levels, at, rights);
  return { state: 'translated', mode: MODE, domain, levels, mappings };
}
