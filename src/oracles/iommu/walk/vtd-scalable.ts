// SPDX-License-Identifier: Apache-2.0
// VT-d in scalable mode: context entry, PASID directory, PASID table. Intel VT-d specification 5.0: 3.4.3, 9.4 to 9.6.
import { PAGE } from '../../../handover/memory/memory.js';
import { addressText, everything, type Found, walkPages } from './finish.js';
import { firstLevel, secondLevel } from './formats.js';
import { ALL_RIGHTS } from './runs.js';
import type { WalkOptions } from './types.js';
import { addressOf, entryHex, type Walk, type Words } from './walk.js';

const MODE = 'scalable';

/**
 * Decodes the context entry of a device.
 * @param words the context table of half a bus: 128 entries of 32 bytes
 * @param context its physical address
 */
export function scalableContext(
  walk: Walk,
  options: WalkOptions,
  words: Words,
  context: number,
  sourceId: number,
): Found {
  const index = (sourceId & 0x7f) * 8;
  const at = context + index * 4;
  const [lo = 0, hi = 0, lo2 = 0, hi2 = 0] = words.subarray(index, index + 4);
  const what = `context entry of ${addressText(sourceId)}`;
  if ((lo & 1) === 0) {
    walk.problem('not-present', at, `${what} is not present: nothing passes`);
    return { state: 'blocked', mode: MODE };
  }
  // Bits 19:0 of the second word are RID_PASID, bit 20 is its privilege.
  if ((lo & 0x180) !== 0 || (lo2 & 0xffe00000) !== 0 || hi2 !== 0) {
    walk.problem('reserved-bits', at, `${what}: ${entryHex(lo2, hi2)} ${entryHex(lo, hi)} has reserved bits set`);
    return { state: 'broken', mode: MODE };
  }
  const pasid = options.pasid ?? lo2 & 0xfffff;
  // The directory has 2^(n + 7) entries for 64 PASIDs each.
  if (pasid >= 2 ** (((lo >>> 9) & 7) + 7 + 6)) {
    walk.problem('unsupported', at, `${what}: PASID ${pasid} is beyond the end of the directory`);
    return { state: 'broken', mode: MODE };
  }
  const entry = pasidEntry(walk, words, addressOf(lo, hi), at, pasid);
  return typeof entry === 'string' ? { state: entry, mode: MODE } : translation(walk, options, words, entry, pasid);
}

/** Returns the physical address of the PASID table entry, and leaves its page in `words`. */
function pasidEntry(
  walk: Walk,
  words: Words,
  directory: number,
  from: number,
  pasid: number,
): number | 'broken' | 'blocked' {
  const place = directory + Math.floor(pasid / 64) * 8;
  const page = place - (place % PAGE);
  if (!walk.table(page, 'pasid-directory', 0, from, words)) return 'broken';
  const index = (place % PAGE) / 4;
  const [lo = 0, hi = 0] = words.subarray(index, index + 2);
  if ((lo & 1) === 0) {
    walk.problem('not-present', place, `PASID directory entry of PASID ${pasid} is not present: nothing passes`);
    return 'blocked';
  }
  if ((lo & 0xffc) !== 0) {
    walk.problem(
      'reserved-bits',
      place,
      `PASID directory entry of PASID ${pasid}: ${entryHex(lo, hi)} has reserved bits set`,
    );
    return 'broken';
  }
  const table = addressOf(lo, hi);
  return walk.table(table, 'pasid', 0, place, words) ? table + (pasid % 64) * 64 : 'broken';
}

/**
 * Decodes the PASID table entry.
 * @param at its physical address; it has 64 bytes
 */
function translation(walk: Walk, options: WalkOptions, words: Words, at: number, pasid: number): Found {
  const [lo = 0, hi = 0, lo2 = 0, , lo3 = 0, hi3 = 0] = words.subarray((at % PAGE) / 4, (at % PAGE) / 4 + 6);
  const what = `PASID table entry of PASID ${pasid}`;
  if ((lo & 1) === 0) {
    walk.problem('not-present', at, `${what} is not present: nothing passes`);
    return { state: 'blocked', mode: MODE };
  }
  const domain = lo2 & 0xffff;
  if ((lo & 0xc00) !== 0) {
    walk.problem('reserved-bits', at, `${what}: ${entryHex(lo, hi)} has reserved bits set`);
    return { state: 'broken', mode: MODE, domain };
  }
  const bits = options.addressBits ?? 52;
  const type = (lo >>> 6) & 7;
  const paging = (lo3 >>> 2) & 3;
  const width = (lo >>> 2) & 7;
  if (type === 4) return { state: 'pass-through', mode: MODE, domain, mappings: everything() };
  if (type === 1 && paging <= 1) {
    const mappings = walkPages(walk, options, firstLevel(bits), addressOf(lo3, hi3), paging + 4, at, ALL_RIGHTS);
    return { state: 'translated', mode: MODE, domain, levels: paging + 4, mappings };
  }
  const levels = levelsOf(width);
  if (type === 2 && levels !== null) {
    return {
      state: 'translated',
      mode: MODE,
      domain,
      levels,
      mappings: walkPages(walk, options, secondLevel(bits), addressOf(lo, hi), levels, at, ALL_RIGHTS),
    };
  }
  walk.problem(
    'unsupported',
    at,
    `${what}: translation type ${type} (address width ${width}, paging mode ${paging}) is not walked`,
  );
  return { state: 'broken', mode: MODE, domain };
}

/** Returns the levels of second-level tables for the encoded address width (39, 48 and 57 bits). */
export function levelsOf(addressWidth: number): number | null {
  return addressWidth >= 1 && addressWidth <= 3 ? addressWidth + 2 : null;
}
