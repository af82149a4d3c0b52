// SPDX-License-Identifier: Apache-2.0
// Judges one preserved file: is each of its pages intact, corrupt, leaked or lost?
import { KhopIndex } from '../pages/khop.js';
import { PageMap, type PhysRun } from '../pages/page-map.js';
import type { Pieces } from '../../util/loop/turns.js';
import { lookOutside, type OutsideView, type PageContent, type PfnRun, type ReadPhys } from './outside.js';

export interface PageCounts {
  pagesPreserved: number;
  pagesIntact: number;
  pagesLeaked: number;
  pagesLost: number;
  pagesCorrupt: number;
}

export const NO_PAGES: Readonly<PageCounts> = {
  pagesPreserved: 0,
  pagesIntact: 0,
  pagesLeaked: 0,
  pagesLost: 0,
  pagesCorrupt: 0,
};

/** `unjudged`: the machine ended before the file could come back. */
export type VerdictState = 'intact' | 'corrupt' | 'leaked' | 'lost' | 'unjudged';

export interface FileVerdict extends PageCounts {
  state: VerdictState;
  /**
   * Of the pages that did not come back: how many the next kernel has overwritten, and how many still hold their
   * content.
   */
  overwritten: number;
  readable: number;
  look: OutsideView;
  problems: string[];
  /** How inside and outside disagree; null if they agree or only one of them could look. */
  disagreement: string | null;
  /** Where the pages lie in physical memory, and in which state. */
  map: PhysRun[];
}

/**
 * Judges a file that came back.
 * @param now where its pages lie in the next kernel
 * @param inside what user space found wrong; `badPages` is null if nobody could look from inside
 */
export function* returnedFile(
  read: ReadPhys,
  pattern: PageContent,
  before: readonly PfnRun[],
  now: readonly PfnRun[],
  inside: { problems: string[]; badPages: number | null },
): Pieces<FileVerdict> {
  const map = new PageMap();
  const look = yield* lookOutside(read, pattern, now, (run, index, equal) =>
    map.add(run.pfn + index, equal ? 'intact' : 'corrupt'),
  );
  const pages = countPages(before);
  const problems = [...inside.problems];
  if (look.different > 0)
    problems.push(
      `${look.different} of ${look.pages} physical pages hold other content, first page ${look.first?.page}`,
    );
  if (look.pages < pages) problems.push(`${pages - look.pages} pages are missing`);
  const corrupt = Math.max(look.different, inside.badPages ?? 0, pages - look.pages);
  const agree = inside.badPages === null || inside.badPages === look.different;
  return {
    ...NO_PAGES,
    pagesPreserved: pages,
    pagesIntact: Math.max(0, pages - corrupt),
    pagesCorrupt: corrupt,
    state: problems.length > 0 ? 'corrupt' : 'intact',
    overwritten: 0,
    readable: 0,
    look,
    problems,
    disagreement: agree ? null : `inside saw ${inside.badPages} bad pages, outside ${look.different}`,
    map: map.runs,
  };
}

/** Judges a file that came back but whose pages could not be found from outside: only user space has seen them. */
export function fileSeenInside(inside: { problems: string[]; pages: number; badPages: number }): FileVerdict {
  const { problems, pages, badPages } = inside;
  const corrupt = Math.min(pages, badPages);
  return {
    ...NO_PAGES,
    pagesPreserved: pages,
    pagesIntact: pages - corrupt,
    pagesCorrupt: corrupt,
    state: problems.length > 0 ? 'corrupt' : 'intact',
    overwritten: 0,
    readable: 0,
    look: { pages: 0, equal: 0, different: 0, differentRuns: [], first: null },
    problems,
    disagreement: null,
    map: [],
  };
}

/**
 * Judges a guest's memfd that came back. It uses the comparison made before the guest was resumed, because the guest
 * writes to its memory from then on.
 * @param now where its pages lie in the next kernel; they must be the same as before
 */
export function guestFile(look: OutsideView, before: readonly PfnRun[], now: readonly PfnRun[]): FileVerdict {
  const pages = countPages(before);
  const moved = firstMoved(before, now);
  const problems: string[] = [];
  if (look.different > 0)
    problems.push(
      `${look.different} of ${look.pages} physical pages changed over the kexec, first page ${look.first?.page}`,
    );
  if (moved !== null) problems.push(`page ${moved} lies in another physical page than before`);
  const corrupt = Math.max(look.different, moved === null ? 0 : 1);
  return {
    ...NO_PAGES,
    pagesPreserved: pages,
    pagesIntact: pages - corrupt,
    pagesCorrupt: corrupt,
    state: problems.length > 0 ? 'corrupt' : 'intact',
    overwritten: 0,
    readable: 0,
    look,
    problems,
    disagreement: null,
    map: mapOfGuestFile(look, now),
  };
}

function mapOfGuestFile({ differentRuns }: OutsideView, now: readonly PfnRun[]): PhysRun[] {
  const map = new PageMap();
  const different = (page: number) => differentRuns.some((run) => page >= run.page && page < run.page + run.count);
  for (const { page, pfn, count } of now)
    for (let i = 0; i < count; i++) map.add(pfn + i, different(page + i) ? 'corrupt' : 'intact');
  return map.runs;
}

/** Returns the first page of the file whose physical page changed or is missing; null if there is none. */
function firstMoved(before: readonly PfnRun[], now: readonly PfnRun[]): number | null {
  const places = new Map<number, number>();
  for (const { page, pfn, count } of now) for (let i = 0; i < count; i++) places.set(page + i, pfn + i);
  for (const { page, pfn, count } of before)
    for (let i = 0; i < count; i++) if (places.get(page + i) !== pfn + i) return page + i;
  return null;
}

/**
 * Judges a file that did not come back. Its pages are leaked if they are still marked as preserved, and lost if the
 * next kernel uses them.
 */
export function* missingFile(
  read: ReadPhys,
  pattern: PageContent,
  runs: readonly PfnRun[],
  marked: KhopIndex,
  why: string,
): Pieces<FileVerdict> {
  const counts = { ...NO_PAGES, pagesPreserved: countPages(runs) };
  let readable = 0;
  const map = new PageMap();
  const look = yield* lookOutside(read, pattern, runs, (run, index, equal) => {
    const leaked = marked.has(run.pfn + index);
    map.add(run.pfn + index, leaked ? 'leaked' : equal ? 'lost' : 'reused');
    if (leaked) counts.pagesLeaked++;
    else counts.pagesLost++;
    if (equal) readable++;
  });
  const state = counts.pagesLost > 0 || counts.pagesPreserved === 0 ? 'lost' : 'leaked';
  return {
    ...counts,
    state,
    overwritten: counts.pagesPreserved - readable,
    readable,
    look,
    problems: [why],
    disagreement: null,
    map: map.runs,
  };
}

/** Records a file whose machine has ended. Its pages are compared, but no conclusion is drawn. */
export function* unjudgedFile(read: ReadPhys, pattern: PageContent, runs: readonly PfnRun[]): Pieces<FileVerdict> {
  const look = yield* lookOutside(read, pattern, runs);
  const problems = [`the machine ended first; ${look.equal} of ${look.pages} pages still held their content then`];
  return {
    ...NO_PAGES,
    pagesPreserved: countPages(runs),
    state: 'unjudged',
    overwritten: look.different,
    readable: look.equal,
    look,
    problems,
    disagreement: null,
    map: runs.map(({ pfn, count }) => ({ pfn, count, state: 'unjudged' as const })),
  };
}

function countPages(runs: readonly PfnRun[]): number {
  return runs.reduce((sum, { count }) => sum + count, 0);
}

export function addPages(a: PageCounts, b: PageCounts): PageCounts {
  return {
    pagesPreserved: a.pagesPreserved + b.pagesPreserved,
    pagesIntact: a.pagesIntact + b.pagesIntact,
    pagesLeaked: a.pagesLeaked + b.pagesLeaked,
    pagesLost: a.pagesLost + b.pagesLost,
    pagesCorrupt: a.pagesCorrupt + b.pagesCorrupt,
  };
}
