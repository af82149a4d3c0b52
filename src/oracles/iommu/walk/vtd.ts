// SPDX-License-Identifier: Apache-2.0
// VT-d: walks from the root-table address register to the page tables of one device. Intel VT-d specification 5.0: 3.4
// (root, context, PASID tables), 9.1 to 9.6 (their entries), 11.4.5 (the register). How the kernel writes them:
// drivers/iommu/intel/iommu.c, iommu.h and pasid.c, 6.17 to 7.3.
import { hex, type ReadPhys } from '../../../handover/memory/memory.js';
import { addressText, everything, type Found, result, walkPages } from './finish.js';
import { secondLevel } from './formats.js';
import { ALL_RIGHTS } from './runs.js';
import type { DeviceTables, WalkOptions } from './types.js';
import { levelsOf, scalableContext } from './vtd-scalable.js';
import { addressOf, entryHex, newWords, Walk } from './walk.js';

/** Translation table mode: bits 11:10 of the register. */
const LEGACY = 0;
const SCALABLE = 1;
const ABORT = 3;

/**
 * Finds what one device reaches through a VT-d IOMMU that translates. Never throws; stops after `maxTables` tables.
 * @param rootRegister value of RTADDR_REG: address of the root table, mode in bits 11:10
 * @param sourceId bus << 8 | devfn
 */
export function walkIntel(
  read: ReadPhys,
  rootRegister: bigint,
  sourceId: number,
  options: WalkOptions = {},
): DeviceTables {
  const walk = new Walk(read, options);
  return result(walk, 'intel', sourceId, fromRegister(walk, options, rootRegister, sourceId));
}

function fromRegister(walk: Walk, options: WalkOptions, register: bigint, sourceId: number): Found {
  const mode = Number((register >> 10n) & 3n);
  if (mode === ABORT) return { state: 'blocked', mode: 'abort' };
  if (mode !== LEGACY && mode !== SCALABLE) {
    walk.problem(
      'unsupported',
      null,
      `root-table register ${hex(register)}: translation table mode ${mode} is reserved`,
    );
    return { state: 'broken', mode: null };
  }
  const scalable = mode === SCALABLE;
  const name = scalable ? 'scalable' : 'legacy';
  const root = Number(BigInt.asUintN(52, register) & ~0xfffn);
  const words = newWords();
  if (!walk.table(root, 'root', 0, null, words)) return { state: 'broken', mode: name };

  // A root entry has 16 bytes. In legacy mode it covers the whole bus; in scalable mode, 8 bytes cover each half of its
  // functions.
  const bus = (sourceId >> 8) & 0xff;
  const devfn = sourceId & 0xff;
  const half = scalable && devfn >= 128 ? 1 : 0;
  const index = bus * 4 + half * 2;
  const at = root + index * 4;
  const [lo = 0, hi = 0, lo2 = 0, hi2 = 0] = words.subarray(index, index + 4);
  const what = `root entry of bus ${bus.toString(16).padStart(2, '0')}`;
  if ((lo & 1) === 0) {
    walk.problem('not-present', at, `${what} is not present: nothing of ${addressText(sourceId)} passes`);
    return { state: 'blocked', mode: name };
  }
  if ((lo & 0xffe) !== 0 || (!scalable && (lo2 !== 0 || hi2 !== 0))) {
    walk.problem('reserved-bits', at, `${what}: ${entryHex(lo, hi)} has reserved bits set`);
    return { state: 'broken', mode: name };
  }
  if (!walk.table(addressOf(lo, hi), 'context', 0, at, words)) return { state: 'broken', mode: name };
  const context = addressOf(lo, hi);
  if (scalable) return scalableContext(walk, options, words, context, sourceId);
  return legacyContext(walk, options, words.slice(devfn * 4, devfn * 4 + 4), context + devfn * 16, sourceId);
}

/**
 * Decodes the context entry.
 * @param entry its four words
 * @param at its physical address
 */
function legacyContext(walk: Walk, options: WalkOptions, entry: Uint32Array, at: number, sourceId: number): Found {
  const [lo = 0, hi = 0, lo2 = 0, hi2 = 0] = entry;
  const mode = 'legacy';
  const what = `context entry of ${addressText(sourceId)}`;
  if ((lo & 1) === 0) {
    walk.problem('not-present', at, `${what} is not present: nothing passes`);
    return { state: 'blocked', mode };
  }
  const domain = (lo2 >>> 8) & 0xffff;
  if ((lo & 0xff0) !== 0 || (lo2 & 0xff000080) !== 0 || hi2 !== 0) {
    walk.problem('reserved-bits', at, `${what}: ${entryHex(lo2, hi2)} ${entryHex(lo, hi)} has reserved bits set`);
    return { state: 'broken', mode, domain };
  }
  // 0: untranslated requests; 1: translation requests too; 2: everything passes through.
  const type = (lo >>> 2) & 3;
  if (type === 2) return { state: 'pass-through', mode, domain, mappings: everything() };
  const levels = levelsOf(lo2 & 7);
  if (type === 3 || levels === null) {
    walk.problem(
      'unsupported',
      at,
      type === 3 ? `${what}: translation type 3 is reserved` : `${what}: address width ${lo2 & 7} is not supported`,
    );
    return { state: 'broken', mode, domain };
  }
  const mappings = walkPages(
    walk,
    options,
    secondLevel(options.addressBits ?? 52),
    addressOf(lo, hi),
    levels,
    at,
    ALL_RIGHTS,
  );
  return { state: 'translated', mode, domain, levels, mappings };
}
