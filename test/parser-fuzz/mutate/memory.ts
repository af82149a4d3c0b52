// SPDX-License-Identifier: Apache-2.0
// Damage of a machine's memory, as a list of words that are written: 4 bytes for where, 8 for what.
import type { Random } from '../../../src/util/random.js';

export const RECORD = 12;
const EDGES = [
  0n,
  1n,
  2n,
  7n,
  0x80n,
  0xffn,
  52n,
  0xfffn,
  0xffffn,
  0xffff_ffffn,
  0xffff_ffff_ffff_ffffn,
  1n << 52n,
  1n << 63n,
];
const MAX_WORDS = 40;

/** Frames that matter, by page frame number, and the end of the memory in bytes. */
export interface Area {
  frames: readonly number[];
  end: number;
}

/** An area has few words that are not zero, so half of the damage goes to the start of its frames. */
export function damageMutator({ frames, end }: Area) {
  return (_seed: Buffer, random: Random): Buffer => {
    const count = random.upTo(MAX_WORDS);
    const bytes = Buffer.alloc(count * RECORD);
    for (let i = 0; i < count; i++) {
      bytes.writeUInt16LE(random.below(frames.length), i * RECORD);
      bytes.writeUInt16LE(random.chance(0.6) ? random.upTo(60) * 2 : random.below(4096), i * RECORD + 2);
      bytes.writeBigUInt64LE(value(frames, end, random), i * RECORD + 4);
    }
    return bytes;
  };
}

function value(frames: readonly number[], end: number, random: Random): bigint {
  const kind = random.below(4);
  if (kind === 0) return random.pick(EDGES) ?? 0n;
  if (kind === 1)
    return BigInt((random.pick(frames) ?? 0) * 4096) | BigInt(random.chance(0.5) ? random.below(4096) : 0);
  if (kind === 2) return BigInt.asUintN(64, BigInt(end) + BigInt(random.below(3) - 1) * 4096n);
  return (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32));
}

/** Writes the damage. */
export function damage(
  input: Buffer,
  { frames, end }: Area,
  write: (phys: number, bytes: Uint8Array) => unknown,
): void {
  for (let at = 0; at + RECORD <= input.length; at += RECORD) {
    const frame = frames[input.readUInt16LE(at) % Math.max(1, frames.length)] ?? 0;
    const phys = frame * 4096 + Math.min(4088, input.readUInt16LE(at + 2) % 4096);
    if (phys + 8 <= end) write(phys, input.subarray(at + 4, at + RECORD));
  }
}
