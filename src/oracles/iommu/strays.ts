// SPDX-License-Identifier: Apache-2.0
// DMA that went astray: while nothing translates, a device writes to the physical address that equals the IOVA. What it
// writes is known, so memory there that holds it now, and did not before, was written by it. Measurable only where the
// content is not one byte repeated, and where no other transfer has business.
import { PAGE, type ReadPhys } from '../../handover/memory/memory.js';

/** A transfer that the device was told to do: it writes `content` to [iova, iova + content.length). */
export interface Transfer {
  iova: number;
  content: Uint8Array;
}

/** Memory at the addresses that equal IOVAs, as it was. Made before the kexec by `takeSnapshot`. */
export interface StraySnapshot {
  pieces: { transfer: Transfer; was: Uint8Array }[];
  /** Bytes at which no stray could be seen: no RAM there, or more than a snapshot takes. */
  unreadable: number;
}

/** Physical memory that transfers may rightly write: where the IOMMU leads their IOVAs. */
export interface RightPlace {
  phys: number;
  length: number;
}

export interface Strays {
  /** Ascending within each transfer; at most MOST_STRAYS, `bytes` counts all. */
  strays: { phys: number; length: number }[];
  bytes: number;
  /**
   * Bytes that were looked at, and bytes where nothing can be concluded: content that was there before, one byte
   * repeated, somebody's right place.
   */
  looked: number;
  unmeasurable: number;
}

/** So many bytes in a row must hold the content, to be no accident. */
const GRAIN = 16;
const MOST_STRAYS = 256;
const MOST_SNAPSHOT = 256 << 20;

/** Keeps what lies at the physical addresses that equal the transfers' IOVAs, page by page. */
export function takeSnapshot(read: ReadPhys, transfers: readonly Transfer[]): StraySnapshot {
  const snapshot: StraySnapshot = { pieces: [], unreadable: 0 };
  let taken = 0;
  for (const { iova, content } of transfers) {
    for (let at = 0; at < content.length;) {
      const length = Math.min(content.length - at, PAGE - ((iova + at) % PAGE));
      const was = new Uint8Array(length);
      if (taken + length <= MOST_SNAPSHOT && read(iova + at, was)) {
        snapshot.pieces.push({ transfer: { iova: iova + at, content: content.subarray(at, at + length) }, was });
        taken += length;
      } else snapshot.unreadable += length;
      at += length;
    }
  }
  return snapshot;
}

/** Looks for the content of the transfers where they had no business. @param right where they have */
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

/** Answers many questions about a list of places. */
class Places {
  /** Ascending and apart from each other; `end` exclusive. */
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
  else if (found.strays.length < MOST_STRAYS) found.strays.push({ phys, length });
}
