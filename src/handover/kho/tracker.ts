// SPDX-License-Identifier: Apache-2.0
// How many pages a kernel before 7.1 has set aside for the next one. It keeps no tree that the next kernel reads: the
// map is made in the kexec, out of the xarray `kho_out.track.orders`. Format: kernel/liveupdate/kexec_handover.c and
// include/linux/xarray.h of Linux 6.19.
import { HandoverError, PAGE } from '../memory/memory.js';

/** Reads linear memory; false where a part of it is not mapped. */
export type ReadLinear = (linear: bigint, into: Uint8Array) => boolean;

/**
 * Slots of an xa_node, and where they begin: shift, offset, count and nr_values are a byte each, then parent, array and
 * a list head.
 */
const SLOTS = 64;
const SLOTS_AT = 40;
const NODE_BYTES = SLOTS_AT + SLOTS * 8;
/** struct xarray: a lock and flags of 4 bytes each, then the head. */
const XARRAY_BYTES = 16;
const MAX_ORDER = 10n;
const MOST_NODES = 4096;
const LINEAR = 1n << 63n;

interface Entry {
  index: bigint;
  value: bigint;
}

/**
 * Pages of 4096 bytes.
 * @param variable linear addresses of `kho_out`, `end` exclusive; throws HandoverError where it is another kernel's
 */
export function trackedInXarray(read: ReadLinear, variable: { start: bigint; end: bigint }): number {
  const reader = new XarrayReader(read);
  const words = reader.words(variable.start, Number(variable.end - variable.start) & ~7);
  const found: number[] = [];
  // Where `track` stands depends on the size of a mutex, which depends on the configuration: only one place has the
  // shape.
  for (let at = 0; at + 1 < words.length; at++) {
    const head = words[at + 1] as bigint;
    // A lock that is free, no flags, and a head: the mutex before it has a list head that leads to itself.
    if (words[at] !== 0n || head < LINEAR || (head >= variable.start && head < variable.end)) continue;
    const pages = reader.attempt(() => pagesOf(reader, variable.start + BigInt(8 * at)));
    // Something is preserved from the first moment on: KHO's own root.
    if (pages !== null && pages > 0) found.push(pages);
  }
  const [pages] = found;
  if (pages === undefined || found.length > 1)
    throw new HandoverError(`the kernel's variable kho_out has ${found.length} maps of preserved pages`);
  return pages;
}

/** Of all orders: bits that are set, each for a block of that order. */
function pagesOf(reader: XarrayReader, orders: bigint): number {
  let pages = 0;
  for (const { index: order, value } of reader.entries(orders)) {
    if (order > MAX_ORDER) throw new HandoverError(`an order of ${order}`);
    for (const { value: bitmap } of reader.entries(value)) {
      if (bitmap % BigInt(PAGE) !== 0n) throw new HandoverError('a bitmap that is no page');
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

  /** Null where what was found is no such structure. */
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
    if (linear < LINEAR || !this.read(linear, bytes))
      throw new HandoverError(`nothing is mapped at 0x${linear.toString(16)}`);
    return bytes;
  }

  words(linear: bigint, length: number): bigint[] {
    const bytes = this.bytes(linear, length);
    return Array.from({ length: length / 8 }, (_, at) => bytes.readBigUInt64LE(8 * at));
  }

  /** Everything in the xarray at this address. */
  entries(xarray: bigint): Entry[] {
    const [locks, head = 0n] = this.words(xarray, XARRAY_BYTES);
    if (locks !== 0n) throw new HandoverError('an xarray that is locked or has flags');
    if (head === 0n) return [];
    // The lowest bits of what leads to a node are 2; an entry that is alone at index 0 stands in the head itself.
    return (head & 3n) === 2n ? this.below(head - 2n, xarray, 0n, null) : [{ index: 0n, value: aligned(head) }];
  }

  private below(node: bigint, xarray: bigint, first: bigint, above: number | null): Entry[] {
    if (++this.nodes > MOST_NODES) throw new HandoverError('an xarray without an end');
    const bytes = this.bytes(node, NODE_BYTES);
    const shift = bytes[0] as number;
    // Each node says which xarray it belongs to.
    if (
      bytes.readBigUInt64LE(16) !== xarray ||
      shift % 6 !== 0 ||
      shift > 60 ||
      (above !== null && shift !== above - 6)
    )
      throw new HandoverError('no node of this xarray');
    const entries: Entry[] = [];
    for (let slot = 0; slot < SLOTS; slot++) {
      const value = bytes.readBigUInt64LE(SLOTS_AT + 8 * slot);
      const index = first + (BigInt(slot) << BigInt(shift));
      if (value === 0n) continue;
      if (shift > 0) {
        if ((value & 3n) !== 2n) throw new HandoverError('an entry where a node must be');
        entries.push(...this.below(value - 2n, xarray, index, shift));
      } else {
        entries.push({ index, value: aligned(value) });
      }
    }
    return entries;
  }
}

function aligned(value: bigint): bigint {
  if (value % 8n !== 0n || value < LINEAR) throw new HandoverError('an entry that is no pointer');
  return value;
}
