// SPDX-License-Identifier: Apache-2.0
// What a kernel's `tainted_mask` says, and what of it is news.
import { TAINT_FLAGS, type TaintKind } from '../model/result/taint.js';

/** Bits of an unsigned long. */
const BITS = 64;

export interface TaintBit {
  name: string;
  /** Of a bit that 7.3 does not know: damage, as nobody can say that it is none. */
  kind: TaintKind;
}

/** The bits that are set, lowest first. */
export function bitsOf(mask: bigint): TaintBit[] {
  const bits: TaintBit[] = [];
  for (let bit = 0; bit < BITS; bit++) {
    if (((mask >> BigInt(bit)) & 1n) === 0n) continue;
    const flag = TAINT_FLAGS.find((each) => each.bit === bit);
    bits.push(flag === undefined ? { name: `bit-${bit}`, kind: 'damage' } : { name: flag.name, kind: flag.kind });
  }
  return bits;
}

/** For messages: `0x280 (oops, warn)`. */
export function maskText(mask: bigint): string {
  const names = bitsOf(mask).map(({ name }) => name);
  return `0x${mask.toString(16)}${names.length === 0 ? '' : ` (${names.join(', ')})`}`;
}

/**
 * What of a mask on arrival is no news: what the first kernel had before anything was handed over, where the same
 * kernel boots again; of another kernel, what says no more than how it was built and on which machine it runs.
 */
export function knownOnArrival(first: bigint, sameKernel: boolean): bigint {
  return sameKernel ? first : first & STATE_BITS;
}

const STATE_BITS = TAINT_FLAGS.filter(({ kind }) => kind === 'state').reduce(
  (mask, { bit }) => mask | (1n << BigInt(bit)),
  0n,
);
