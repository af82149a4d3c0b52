// SPDX-License-Identifier: Apache-2.0
// Decodes a kernel's `tainted_mask` and tells which of its bits are new.
import { TAINT_FLAGS, type TaintKind } from '../model/result/taint.js';

/** Bits of an unsigned long. */
const BITS = 64;

export interface TaintBit {
  name: string;
  /** A bit that 7.3 does not define counts as damage: nobody can say that it is harmless. */
  kind: TaintKind;
}

/** Returns the bits that are set, lowest first. */
export function bitsOf(mask: bigint): TaintBit[] {
  const bits: TaintBit[] = [];
  for (let bit = 0; bit < BITS; bit++) {
    if (((mask >> BigInt(bit)) & 1n) === 0n) continue;
    const flag = TAINT_FLAGS.find((each) => each.bit === bit);
    bits.push(flag === undefined ? { name: `bit-${bit}`, kind: 'damage' } : { name: flag.name, kind: flag.kind });
  }
  return bits;
}

/** Formats a mask for messages: `0x280 (oops, warn)`. */
export function maskText(mask: bigint): string {
  const names = bitsOf(mask).map(({ name }) => name);
  return `0x${mask.toString(16)}${names.length === 0 ? '' : ` (${names.join(', ')})`}`;
}

/**
 * Returns the bits of a mask on arrival that prove nothing. If the same kernel boots again, these are the bits that it
 * had before the first handover. For another kernel, only those that describe how it was built and where it runs.
 */
export function knownOnArrival(first: bigint, { sameKernel }: { sameKernel: boolean }): bigint {
  return sameKernel ? first : first & STATE_BITS;
}

const STATE_BITS = TAINT_FLAGS.filter(({ kind }) => kind === 'state').reduce(
  (mask, { bit }) => mask | (1n << BigInt(bit)),
  0n,
);
