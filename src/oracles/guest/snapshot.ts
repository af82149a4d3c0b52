// SPDX-License-Identifier: Apache-2.0
// One digest per page of a file, taken at one moment. This is for content that cannot be predicted, such as the memory
// of a running Linux.
import type { OutsideView, PfnRun, ReadPhys } from '../files/outside.js';
import type { Pieces } from '../../util/loop/turns.js';
import { PAGE } from '../files/pattern.js';
import { digestOf, type Pair } from './digest.js';

const WORDS = PAGE / 4;
const CHUNK_PAGES = 256;

export class Snapshot {
  private digests = new Uint32Array(0);
  private known = new Uint8Array(0);
  /** Other content that a page may have. */
  private readonly allowed = new Map<number, Pair>();

  /** Records the content of every page of `runs`, in pieces. Pages without RAM count as different. */
  *take(read: ReadPhys, runs: readonly PfnRun[]): Pieces<OutsideView> {
    const pages = runs.reduce((most, { page, count }) => Math.max(most, page + count), 0);
    this.digests = new Uint32Array(2 * pages);
    this.known = new Uint8Array(pages);
    this.allowed.clear();
    const look: OutsideView = { pages: 0, equal: 0, different: 0, differentRuns: [], first: null };
    const words = new Uint32Array(CHUNK_PAGES * WORDS);
    for (const run of runs) {
      for (let done = 0; done < run.count; done += CHUNK_PAGES) {
        const count = Math.min(CHUNK_PAGES, run.count - done);
        const there = read((run.pfn + done) * PAGE, new Uint8Array(words.buffer, 0, count * PAGE));
        look.pages += count;
        if (there) look.equal += count;
        else look.different += count;
        for (let i = 0; there && i < count; i++) this.keep(run.page + done + i, words, i * WORDS);
        yield;
      }
    }
    return look;
  }

  private keep(page: number, words: Uint32Array, at: number): void {
    const [a, b] = digestOf(words, at, WORDS);
    this.digests[2 * page] = a;
    this.digests[2 * page + 1] = b;
    this.known[page] = 1;
  }

  /** Accepts this content too: a device may still write it into the page. */
  allow(page: number, content: Uint32Array): void {
    this.allowed.set(page, digestOf(content, 0, WORDS));
  }

  /**
   * Like Pattern.compare(): -1 if the page is unchanged. Otherwise 0, because the place of the difference is unknown.
   */
  compare(page: number, words: Uint32Array, at: number): number {
    if (this.known[page] !== 1) return 0;
    const [a, b] = digestOf(words, at, WORDS);
    const other = this.allowed.get(page);
    return (a === this.digests[2 * page] && b === this.digests[2 * page + 1]) || (a === other?.[0] && b === other[1])
      ? -1
      : 0;
  }
}
