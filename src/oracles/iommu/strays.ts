// SPDX-License-Identifier: Apache-2.0
// Finds stray DMA. While nothing translates, a device writes to the physical address that equals the IOVA. The lab
// knows what it writes: memory there that holds this content now, and did not before, was written by it. This cannot be
// measured where the content is one byte repeated, or where another transfer may write.
import { PAGE, type ReadPhys } from '../../handover/memory/memory.js';

/** A transfer that the device was asked to do: it writes `content` to [iova, iova + content.length). */
export interface Transfer {
  iova: number;
  content: Uint8Array;
}

/** Memory at the addresses that equal IOVAs, before the kexec. Made by `takeSnapshot`. */
export interface StraySnapshot {
  pieces: { transfer: Transfer; was: Uint8Array }[];
  /** Bytes where no stray can be found: no RAM, or beyond the size limit of a snapshot. */
  unreadable: number;
}

/** Physical memory that transfers may write: where the IOMMU leads their IOVAs. */
export interface RightPlace {
  phys: number;
  length: number;
}

export interface Strays {
  /** Ascending within each transfer, at most MAX_STRAYS; `bytes` counts all. */
  strays: { phys: number; length: number }[];
  bytes: number;
  /**
   * Bytes that were checked, and bytes that prove nothing: content that was there before, one byte repeated, or memory
   * that a transfer may write.
   */
  looked: number;
  unmeasurable: number;
}

/** This many consecutive bytes must match, so that it is no accident. */
const GRAIN = 16;
const MAX_STRAYS = 256;
const MAX_SNAPSHOT = 256 << 20;

/** Saves the memory at the physical addresses that equal the transfers' IOVAs, page by page. */
export function takeSnapshot(read: ReadPhys, transfers: readonly Transfer[]): StraySnapshot {
  const snapshot: StraySnapshot = { pieces: [], unreadable: 0 };
  let taken = 0;
  for (const { iova, content } of transfers) {
    for (let at = 0; at < content.length;) {
      const length = Math.min(content.length - at, PAGE - ((iova + at) % PAGE));
      const was = new Uint8Array(length);
      if (taken + length <= MAX_SNAPSHOT && read(iova + at, was)) {
        snapshot.pieces.push({ transfer: { iova: iova + at, content: content.subarray(at, at + length) }, was });
        taken += length;
      } else snapshot.unreadable += length;
      at += length;
    }
  }
  return snapshot;
}

/**
 * Looks for the content of transfers in memory that they must not write.
 * @param right memory that they may write
 */
export function findStrays(read: ReadPhys, snapshot: StraySnapshot, right: readonly RightPlace[] = []): Strays {
  const found: Strays = { strays: [], bytes: 0, looked: 0, unmeasurable: 0 };
  const places = new Places(right);
  for (const {
    transfer: { iova, content },
    was,
  } of snapshot.pieces) {
    const is = new Uint8Array(content.length);
    found.looked += content.length;
    if (places.touch(iova, iova + content.length) || !read(iova, is)) {
      found.unmeasurable += content.length;
      continue;
    }
    for (let at = 0; at < content.length; at += GRAIN)
      grain(found, { iova, content, was, is }, at, Math.min(at + GRAIN, content.length));
  }
  return found;
}

/** Answers many "does this range touch any of these places?" questions. */
class Places {
  /** Ascending and disjoint; `end` is exclusive. */
  private readonly ranges: { start: number; end: number }[] = [];

  constructor(places: readonly RightPlace[]) {
    for (const { phys, length } of [...places].sort((a, b) => a.phys - b.phys)) {
      const last = this.ranges.at(-1);
      if (last !== undefined && phys <= last.end) last.end = Math.max(last.end, phys + length);
      else this.ranges.push({ start: phys, end: phys + length });
    }
  }

  touch(start: number, end: number): boolean {
    let low = 0;
    let high = this.ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.ranges[middle] as { end: number }).end > start) high = middle;
      else low = middle + 1;
    }
    const range = this.ranges[low];
    return range !== undefined && range.start < end;
  }
}

interface Piece {
  iova: number;
  content: Uint8Array;
  was: Uint8Array;
  is: Uint8Array;
}

function grain(found: Strays, { iova, content, was, is }: Piece, start: number, end: number): void {
  let repeated = true;
  let before = true;
  let now = true;
  for (let i = start; i < end; i++) {
    if (content[i] !== content[start]) repeated = false;
    if (was[i] !== content[i]) before = false;
    if (is[i] !== content[i]) now = false;
  }
  if (repeated || before) found.unmeasurable += end - start;
  else if (now) add(found, iova + start, end - start);
}

function add(found: Strays, phys: number, length: number): void {
  found.bytes += length;
  const last = found.strays.at(-1);
  if (last !== undefined && last.phys + last.length === phys) last.length += length;
  else if (found.strays.length < MAX_STRAYS) found.strays.push({ phys, length });
}
