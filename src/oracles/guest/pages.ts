// SPDX-License-Identifier: Apache-2.0
// Reads the pages of a file, by page number, from physical memory.
import type { PfnRun, ReadPhys } from '../files/outside.js';
import type { Pieces } from '../../util/loop/turns.js';
import { PAGE } from '../files/pattern.js';

const WORDS = PAGE / 4;
const CHUNK_PAGES = 256;

/** Reads one page; null if the file has no such page or there is no RAM. The result is valid until the next call. */
export function readPage(read: ReadPhys, runs: readonly PfnRun[], page: number): Uint32Array<ArrayBuffer> | null {
  const run = runs.find((each) => page >= each.page && page < each.page + each.count);
  const words = new Uint32Array(WORDS);
  return run !== undefined && read((run.pfn + page - run.page) * PAGE, new Uint8Array(words.buffer)) ? words : null;
}

/**
 * Visits `count` pages from `first` on, in order and in pieces. The page begins at `words[at]`; `words` is null if it
 * is missing.
 */
export function* eachPage(
  read: ReadPhys,
  runs: readonly PfnRun[],
  first: number,
  count: number,
  take: (page: number, words: Uint32Array | null, at: number) => void,
): Pieces<void> {
  const words = new Uint32Array(CHUNK_PAGES * WORDS);
  const sorted = [...runs].sort((a, b) => a.page - b.page);
  let page = first;
  const end = first + count;
  for (const run of sorted) {
    for (; page < Math.min(run.page, end); page++) take(page, null, 0);
    while (page < end && page < run.page + run.count) {
      const pages = Math.min(CHUNK_PAGES, run.page + run.count - page, end - page);
      const there = read((run.pfn + page - run.page) * PAGE, new Uint8Array(words.buffer, 0, pages * PAGE));
      for (let i = 0; i < pages; i++) take(page + i, there ? words : null, i * WORDS);
      page += pages;
      yield;
    }
  }
  for (; page < end; page++) take(page, null, 0);
}
