// SPDX-License-Identifier: Apache-2.0
// Counts the pages that a kernel before 7.1 preserves for the next one. Such a kernel builds the map only during the
// kexec; until then the pages are in the xarray `kho_out.track.orders`. Format: kernel/liveupdate/kexec_handover.c and
// include/linux/xarray.h of Linux 6.19.
import { HandoverError, PAGE } from '../memory/memory.js';

/** Reads linear addresses; false if one of them is not mapped. */
export type ReadLinear = (linear: bigint, into: Uint8Array) => boolean;

/**
 * Slots of an xa_node and their offset. Before them are shift, offset, count and nr_values (a byte each), parent, array
 * and a list head.
 */
const SLOTS = 64;
const SLOTS_OFFSET = 40;
const NODE_BYTES = SLOTS_OFFSET + SLOTS * 8;
/** struct xarray: a lock and flags of 4 bytes each, then the head. */
const XARRAY_BYTES = 16;
const MAX_ORDER = 10n;
const MAX_NODES = 4096;
const FIRST_LINEAR = 1n << 63n;

interface Entry {
  index: bigint;
  value: bigint;
}

/**
 * In pages of 4096 bytes. Throws HandoverError if the variable does not look like this kernel's.
 * @param variable linear addresses of `kho_out`, `end` exclusive
 */
export function trackedInXarray(read: ReadLinear, variable: { start: bigint; end: bigint }): number {
  const reader = new XarrayReader(read);
  const words = reader.words(variable.start, Number(variable.end - variable.start) & ~7);
  const candidates: number[] = [];
  // The offset of `track` depends on the size of a mutex and so on the configuration. Only one offset looks like it.
  for (let index = 0; index + 1 < words.length; index++) {
    const head = words[index + 1] as bigint;
    // A free lock, no flags, and a head. The head must point elsewhere: a mutex's list head points to itself.
    if (words[index] !== 0n || head < FIRST_LINEAR || (head >= variable.start && head < variable.end)) continue;
    const pages = reader.attempt(() => pagesOf(reader, variable.start + BigInt(8 * index)));
    // KHO preserves its own root from the start, so the real map is never empty.
    if (pages !== null && pages > 0) candidates.push(pages);
  }
  const [pages] = candidates;
  if (pages === undefined || candidates.length > 1)
    throw new HandoverError(
      `the kernel's variable kho_out has ${candidates.length} maps of preserved pages instead of 1`,
    );
  return pages;
}

/** Counts the set bits of all orders. Each stands for a block of its order. */
function pagesOf(reader: XarrayReader, orders: bigint): number {
  let pages = 0;
  for (const { index: order, value } of reader.entries(orders)) {
    if (order > MAX_ORDER) throw new HandoverError(`an order of ${order}`);
    for (const { value: bitmap } of reader.entries(value)) {
      if (bitmap % BigInt(PAGE) !== 0n) throw new HandoverError('a bitmap that is not a page');
      pages += bitsOf(reader.bytes(bitmap, PAGE)) * 2 ** Number(order);
    }
  }
  return pages;
}

function bitsOf(bytes: Uint8Array): number {
  let bits = 0;
  for (let byte of bytes) for (; byte !== 0; byte &= byte - 1) bits++;
  return bits;
}

class XarrayReader {
  private nodes = 0;

  constructor(private readonly read: ReadLinear) {}

  /** Null if `work` finds no valid structure. */
  attempt<T>(work: () => T): T | null {
    this.nodes = 0;
    try {
      return work();
    } catch (error) {
      if (error instanceof HandoverError) return null;
      throw error;
    }
  }

  bytes(linear: bigint, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    if (linear < FIRST_LINEAR || !this.read(linear, bytes))
      throw new HandoverError(`nothing is mapped at 0x${linear.toString(16)}`);
    return bytes;
  }

  words(linear: bigint, length: number): bigint[] {
    const bytes = this.bytes(linear, length);
    return Array.from({ length: length / 8 }, (_, index) => bytes.readBigUInt64LE(8 * index));
  }

  /** All entries of the xarray at this address. */
  entries(xarray: bigint): Entry[] {
    const [locks, head = 0n] = this.words(xarray, XARRAY_BYTES);
    if (locks !== 0n) throw new HandoverError('an xarray that is locked or has flags');
    if (head === 0n) return [];
    // A pointer to a node has 2 in its lowest bits. A single entry at index 0 is in the head itself.
    return (head & 3n) === 2n ? this.below(head - 2n, xarray, 0n, null) : [{ index: 0n, value: aligned(head) }];
  }

  private below(node: bigint, xarray: bigint, first: bigint, above: number | null): Entry[] {
    if (++this.nodes > MAX_NODES) throw new HandoverError('an xarray that does not end');
    const bytes = this.bytes(node, NODE_BYTES);
    const shift = bytes[0] as number;
    // Each node points back to its xarray.
    if (
      bytes.readBigUInt64LE(16) !== xarray ||
      shift % 6 !== 0 ||
      shift > 60 ||
      (above !== null && shift !== above - 6)
    )
      throw new HandoverError('a node that is not part of this xarray');
    const entries: Entry[] = [];
    for (let slot = 0; slot < SLOTS; slot++) {
      const value = bytes.readBigUInt64LE(SLOTS_OFFSET + 8 * slot);
      const index = first + (BigInt(slot) << BigInt(shift));
      if (value === 0n) continue;
      if (shift > 0) {
        if ((value & 3n) !== 2n) throw new HandoverError('an entry in place of a node');
        entries.push(...this.below(value - 2n, xarray, index, shift));
      } else {
        entries.push({ index, value: aligned(value) });
      }
    }
    return entries;
  }
}

function aligned(value: bigint): bigint {
  if (value % 8n !== 0n || value < FIRST_LINEAR) throw new HandoverError('an entry that is not a pointer');
  return value;
}
