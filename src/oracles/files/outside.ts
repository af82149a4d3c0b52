// SPDX-License-Identifier: Apache-2.0
// Checks content from outside: compares the physical pages that a file had when it was preserved with its pattern.
import type { ReadPhys } from '../../handover/memory/memory.js';
import { atOnce, type Pieces } from '../../util/loop/turns.js';
import { Scratch } from '../../util/scratch.js';
import { PAGE } from './pattern.js';

export type { ReadPhys };

/** Pages [page, page + count) of a file lie in physical pages [pfn, pfn + count). */
export interface PfnRun {
  page: number;
  pfn: number;
  count: number;
}

/**
 * The expected content of pages. `compare` returns the byte offset of the first difference in page `page`, whose words
 * begin at `at`; -1 if there is none.
 */
export interface PageContent {
  compare(page: number, words: Uint32Array, at: number): number;
}

export interface OutsideView {
  /** Pages that were compared. */
  pages: number;
  equal: number;
  /** Runs of pages whose physical page holds other content. At most MAX_RUNS are kept; `different` counts all. */
  different: number;
  differentRuns: { page: number; count: number }[];
  /** The first difference: file page, byte within it, physical address. */
  first: { page: number; offset: number; phys: number } | null;
}

const MAX_RUNS = 64;
const CHUNK_PAGES = 256;

/**
 * Compares every page of `runs` with the pattern.
 * @param onPage called for each page; `equal` tells whether the page still holds the content
 */
export function inspectOutside(
  read: ReadPhys,
  pattern: PageContent,
  runs: readonly PfnRun[],
  onPage?: (run: PfnRun, index: number, equal: boolean) => void,
): OutsideView {
  return atOnce(lookOutside(read, pattern, runs, onPage));
}

/** The same in pieces: the files of a large machine take seconds. */
export function* lookOutside(
  read: ReadPhys,
  pattern: PageContent,
  runs: readonly PfnRun[],
  onPage?: (run: PfnRun, index: number, equal: boolean) => void,
): Pieces<OutsideView> {
  const look: OutsideView = { pages: 0, equal: 0, different: 0, differentRuns: [], first: null };
  const most = runs.reduce((pages, { count }) => Math.max(pages, Math.min(CHUNK_PAGES, count)), 0);
  using scratch = new Scratch(most * PAGE);
  const { words } = scratch;
  for (const run of runs) {
    for (let done = 0; done < run.count; done += CHUNK_PAGES) {
      const count = Math.min(CHUNK_PAGES, run.count - done);
      const readable = read((run.pfn + done) * PAGE, new Uint8Array(words.buffer, 0, count * PAGE));
      for (let i = 0; i < count; i++) {
        const page = run.page + done + i;
        const offset = readable ? pattern.compare(page, words, (i * PAGE) / 4) : 0;
        const equal = offset < 0;
        look.pages++;
        if (equal) look.equal++;
        else note(look, page, offset, (run.pfn + done + i) * PAGE);
        onPage?.(run, done + i, equal);
      }
      yield;
    }
  }
  return look;
}

function note(look: OutsideView, page: number, offset: number, pageAddress: number): void {
  look.different++;
  look.first ??= { page, offset, phys: pageAddress + offset };
  const last = look.differentRuns.at(-1);
  if (last !== undefined && last.page + last.count === page) last.count++;
  else if (look.differentRuns.length < MAX_RUNS) look.differentRuns.push({ page, count: 1 });
}
