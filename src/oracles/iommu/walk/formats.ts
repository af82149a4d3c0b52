// SPDX-License-Identifier: Apache-2.0
// Formats of page table entries: VT-d second-level and first-level (Intel VT-d specification 5.0, chapters 3.6, 3.7,
// 9.7 and 9.8; how the kernel writes them: drivers/iommu/generic_pt/fmt/vtdss.h and x86_64.h of 7.3) and AMD-Vi host
// tables (AMD IOMMU specification, 2.2.3; amdv1.h).
import { ABSENT, LEAF, type EntryType, type PageFormat, RESERVED, TABLE, UNSUPPORTED } from './pages.js';
import { EXECUTE, READ, WRITE } from './runs.js';
import { aboveWidth } from './walk.js';

const LARGE = 1 << 7;
/** For a leaf of each level: the bits of the low word that lie below its page frame, from bit 12 on. */
const BELOW_FRAME = [0, 0, 0x1ff000, 0x3ffff000] as const;

function frameOf(lo: number, hi: number, level: number): number {
  return (hi & 0xfffff) * 2 ** 20 + ((lo & ~(BELOW_FRAME[level] ?? 0)) >>> 12);
}

/**
 * Pages of 4 KiB, and of 2 MiB and 1 GiB in the two levels above. An entry without read and write permission is not
 * present.
 */
export function secondLevel(addressBits: number): PageFormat {
  const above = aboveWidth(addressBits);
  const type = (lo: number, hi: number, level: number): EntryType => {
    if ((lo & 3) === 0) return ABSENT;
    if ((hi & above) !== 0) return RESERVED;
    if (level === 1) return LEAF;
    if (level <= 3 && (lo & LARGE) !== 0) return (lo & (BELOW_FRAME[level] ?? 0)) === 0 ? LEAF : RESERVED;
    // Bit 11 (snoop) and bit 62 (transient) belong to leaves. There are no pages larger than 1 GiB.
    return (lo & (0x800 | LARGE)) === 0 && (hi & (1 << 30)) === 0 ? TABLE : RESERVED;
  };
  return {
    kind: 'second-level',
    type,
    rights: (lo) => lo & (READ | WRITE | EXECUTE),
    next: (_, level) => level - 1,
    frame: frameOf,
    canonical: false,
  };
}

/** The processor's own format. Requests of a device have user privilege: an entry for the supervisor grants nothing. */
export function firstLevel(addressBits: number): PageFormat {
  const above = aboveWidth(addressBits);
  const PAT_OF_LARGE = 1 << 12;
  const type = (lo: number, hi: number, level: number): EntryType => {
    if ((lo & 1) === 0) return ABSENT;
    if ((hi & above) !== 0) return RESERVED;
    if (level === 1) return LEAF;
    if ((lo & LARGE) === 0) return TABLE;
    return level <= 3 && (lo & (BELOW_FRAME[level] ?? 0) & ~PAT_OF_LARGE) === 0 ? LEAF : RESERVED;
  };
  const rights = (lo: number, hi: number): number =>
    (lo & 4) === 0 ? 0 : READ | (lo & 2) | (hi < 0 || hi >= 2 ** 31 ? 0 : EXECUTE);
  return { kind: 'first-level', type, rights, next: (_, level) => level - 1, frame: frameOf, canonical: true };
}

const AMD_PRESENT = 1;
const ANY_SIZE = 7;

/**
 * Each entry contains the level of the next table, which may skip levels. 0 ends the walk with the page size of the
 * level, 7 with a page size that is encoded in the address.
 */
export function amdHost(addressBits: number): PageFormat {
  const above = aboveWidth(addressBits);
  const nextOf = (lo: number): number => (lo >>> 9) & 7;
  const type = (lo: number, hi: number, level: number): EntryType => {
    if ((lo & AMD_PRESENT) === 0) return ABSENT;
    // Bits 58:52 are reserved.
    if ((hi & (0x07f00000 | above)) !== 0) return RESERVED;
    const next = nextOf(lo);
    if (next === ANY_SIZE) return level < 6 && sizeOf(lo, hi) >= 512 ** (level - 1) ? LEAF : UNSUPPORTED;
    if (next === 0) return leafOf(lo, hi, level);
    return next < level ? TABLE : UNSUPPORTED;
  };
  const frame = (lo: number, hi: number, level: number, page: number): number => {
    const own = (hi & 0xfffff) * 2 ** 20 + (lo >>> 12);
    if (nextOf(lo) !== ANY_SIZE) return own;
    const size = Math.max(sizeOf(lo, hi), 512 ** (level - 1));
    return own - (own % size) + (page % size);
  };
  // IR is bit 61, IW bit 62.
  const rights = (_: number, hi: number): number => (hi >>> 29) & (READ | WRITE);
  return { kind: 'host', type, rights, next: nextOf, frame, canonical: false };
}

/**
 * Decodes the page size, in pages, of an AMD entry of level 7. The address bits from 12 on are ones up to the bit that
 * is half of the size.
 */
function sizeOf(lo: number, hi: number): number {
  let frame = (hi & 0xfffff) * 2 ** 20 + (lo >>> 12);
  let size = 2;
  for (; frame % 2 === 1; frame = Math.floor(frame / 2)) size *= 2;
  return size;
}

function leafOf(lo: number, hi: number, level: number): EntryType {
  if (level >= 6) return UNSUPPORTED;
  const frame = (hi & 0xfffff) * 2 ** 20 + (lo >>> 12);
  return frame % 512 ** (level - 1) === 0 ? LEAF : RESERVED;
}
