// SPDX-License-Identifier: Apache-2.0
// A digest of each page: 16 bytes of BLAKE2b for 4096 bytes, so 8 GiB take 32 MiB. With it any content can be
// recognised later, no matter who wrote it.
import { createHash } from 'node:crypto';
import type { ReadPhys } from '../../handover/memory/memory.js';
import { PageRanges } from '../pages/page-ranges.js';
import { PAGE } from '../files/pattern.js';
import type { Pieces } from '../../util/loop/turns.js';

const BYTES = 16;
const ZEROS = Buffer.alloc(PAGE);
/** 16 GiB. */
const MAX_PAGES = 2 ** 22;
/** Pages that are read at once. */
const CHUNK_PAGES = 256;

interface Span {
  pfn: number;
  count: number;
}

export class Fingerprints extends PageRanges {
  /** Number of pages in the ranges before each range. */
  private readonly before: number[] = [];
  private readonly digests: Buffer;
  readonly pages: number;
  /** Pages that are not fingerprinted: there are too many, or there is no such memory. */
  missing = 0;

  private constructor(spans: readonly Span[]) {
    super(limited(spans));
    let pages = 0;
    for (const { start, end } of this.ranges) {
      this.before.push(pages);
      pages += end - start;
    }
    this.pages = pages;
    this.missing = new PageRanges(spans).ranges.reduce((sum, { start, end }) => sum + end - start, 0) - pages;
    this.digests = Buffer.alloc(pages * BYTES);
  }

  /** Reads every page of the spans; they may overlap. */
  static *take(read: ReadPhys, spans: readonly Span[]): Pieces<Fingerprints> {
    const prints = new Fingerprints(spans);
    for (const [index, { start, end }] of prints.ranges.entries()) {
      for (const work = eachPage(read, { pfn: start, count: end - start }); ;) {
        const step = work.next();
        if (step.done === true) break;
        if (step.value === null) {
          yield;
          continue;
        }
        const { pfn, bytes } = step.value;
        if (bytes === null) prints.missing++;
        else digestOf(bytes).copy(prints.digests, ((prints.before[index] ?? 0) + pfn - start) * BYTES, 0, BYTES);
      }
    }
    return prints;
  }

  /** Whether a page held nothing but zeros; false if it has no fingerprint. */
  wasZero(pfn: number): boolean {
    const at = this.offsetOf(pfn);
    return at !== null && this.digests.subarray(at, at + BYTES).every((byte) => byte === 0);
  }

  /** Does a page still have its content? Null if it has no fingerprint. */
  matches(pfn: number, bytes: Buffer): boolean | null {
    const at = this.offsetOf(pfn);
    return at === null ? null : digestOf(bytes).compare(this.digests, at, at + BYTES, 0, BYTES) === 0;
  }

  /** Where the digest of a page is. */
  private offsetOf(pfn: number): number | null {
    const index = this.firstBehind(pfn);
    const range = this.ranges[index];
    return range === undefined || range.start > pfn ? null : ((this.before[index] ?? 0) + pfn - range.start) * BYTES;
  }
}

/** The first spans, up to MAX_PAGES. */
function limited(spans: readonly Span[]): Span[] {
  const kept: Span[] = [];
  let left = MAX_PAGES;
  for (const { pfn, count } of spans) {
    if (left <= 0) break;
    kept.push({ pfn, count: Math.min(count, left) });
    left -= count;
  }
  return kept;
}

/** Most machines have many pages of zeros; these need no hash. */
function digestOf(page: Buffer): Buffer {
  return page.equals(ZEROS) ? ZEROS : createHash('blake2b512').update(page).digest();
}

export interface PageBytes {
  pfn: number;
  /** Valid until the next page; null if there is no such memory. */
  bytes: Buffer | null;
}

/** Yields each page of a span, and null between two pieces of the work. */
export function* eachPage(read: ReadPhys, { pfn, count }: Span): Generator<PageBytes | null, void, void> {
  const chunk = Buffer.alloc(Math.min(CHUNK_PAGES, count) * PAGE);
  for (let done = 0; done < count; done += CHUNK_PAGES) {
    const pages = Math.min(CHUNK_PAGES, count - done);
    const all = read((pfn + done) * PAGE, chunk.subarray(0, pages * PAGE));
    for (let i = 0; i < pages; i++) {
      const bytes = chunk.subarray(i * PAGE, (i + 1) * PAGE);
      // A span may end where memory ends.
      yield { pfn: pfn + done + i, bytes: all || read((pfn + done + i) * PAGE, bytes) ? bytes : null };
    }
    yield null;
  }
}
