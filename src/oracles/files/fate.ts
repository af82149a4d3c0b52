// SPDX-License-Identifier: Apache-2.0
// What became of one file that was handed over: every page of it is intact, corrupt, leaked or lost.
import { KhopIndex } from '../pages/khop.js';
import { PageMap, type PhysRun } from '../pages/page-map.js';
import { lookOutside, type OutsideLook, type PageContent, type PfnRun, type ReadPhys } from './outside.js';

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

/** `unjudged`: the machine came to an end before the file could come back. */
export type FileFate = 'intact' | 'corrupt' | 'leaked' | 'lost' | 'unjudged';

export interface FateOfFile extends PageCounts {
  fate: FileFate;
  /**
   * Of the pages that did not come back: how many the next kernel has written over, and how many still lie there
   * readable.
   */
  overwritten: number;
  readable: number;
  look: OutsideLook;
  problems: string[];
  /** What the two sides say where they do not agree; null where they do, or only one could look. */
  disagreement: string | null;
  /** Where its pages lie, and in which state. */
  map: PhysRun[];
}

/**
 * A file that came back. `badPages` is null where nobody could look from inside.
 * @param now where its pages lie in the next kernel
 * @param inside what user space found wrong
 */
export function fateOfReturned(
  read: ReadPhys,
  pattern: PageContent,
  before: readonly PfnRun[],
  now: readonly PfnRun[],
  inside: { problems: string[]; badPages: number | null },
): FateOfFile {
  const map = new PageMap();
  const look = lookOutside(read, pattern, now, (run, index, equal) =>
    map.add(run.pfn + index, equal ? 'intact' : 'corrupt'),
  );
  const pages = countPages(before);
  const problems = [...inside.problems];
  if (look.different > 0)
    problems.push(
      `${look.different} of ${look.pages} physical pages hold something else, first page ${look.first?.page}`,
    );
  if (look.pages < pages) problems.push(`${pages - look.pages} pages are no longer there`);
  const corrupt = Math.max(look.different, inside.badPages ?? 0, pages - look.pages);
  const agree = inside.badPages === null || inside.badPages === look.different;
  return {
    ...NO_PAGES,
    pagesPreserved: pages,
    pagesIntact: Math.max(0, pages - corrupt),
    pagesCorrupt: corrupt,
    fate: problems.length > 0 ? 'corrupt' : 'intact',
    overwritten: 0,
    readable: 0,
    look,
    problems,
    disagreement: agree ? null : `inside saw ${inside.badPages} bad pages, outside ${look.different}`,
    map: map.runs,
  };
}

/** A file that came back and whose pages nobody could find from outside: what user space found is all there is. */
export function fateFromInside(inside: { problems: string[]; pages: number; badPages: number }): FateOfFile {
  const { problems, pages, badPages } = inside;
  const corrupt = Math.min(pages, badPages);
  return {
    ...NO_PAGES,
    pagesPreserved: pages,
    pagesIntact: pages - corrupt,
    pagesCorrupt: corrupt,
    fate: problems.length > 0 ? 'corrupt' : 'intact',
    overwritten: 0,
    readable: 0,
    look: { pages: 0, equal: 0, different: 0, differentRuns: [], first: null },
    problems,
    disagreement: null,
    map: [],
  };
}

/**
 * A memfd of a guest that came back, judged by the look that was taken before the guest went on: since then it writes
 * itself.
 * @param now where its pages lie in the next kernel; they must be the ones that they were
 */
export function fateOfGuestFile(look: OutsideLook, before: readonly PfnRun[], now: readonly PfnRun[]): FateOfFile {
  const pages = countPages(before);
  const moved = firstMoved(before, now);
  const problems: string[] = [];
  if (look.different > 0)
    problems.push(
      `${look.different} of ${look.pages} physical pages changed over the kexec, first page ${look.first?.page}`,
    );
  if (moved !== null) problems.push(`page ${moved} is not the physical page that it was`);
  const corrupt = Math.max(look.different, moved === null ? 0 : 1);
  return {
    ...NO_PAGES,
    pagesPreserved: pages,
    pagesIntact: pages - corrupt,
    pagesCorrupt: corrupt,
    fate: problems.length > 0 ? 'corrupt' : 'intact',
    overwritten: 0,
    readable: 0,
    look,
    problems,
    disagreement: null,
    map: mapOfGuestFile(look, now),
  };
}

function mapOfGuestFile({ differentRuns }: OutsideLook, now: readonly PfnRun[]): PhysRun[] {
  const map = new PageMap();
  const different = (page: number) => differentRuns.some((run) => page >= run.page && page < run.page + run.count);
  for (const { page, pfn, count } of now)
    for (let i = 0; i < count; i++) map.add(pfn + i, different(page + i) ? 'corrupt' : 'intact');
  return map.runs;
}

/** The first page of the file that has another physical page, or none; null where all are the same. */
function firstMoved(before: readonly PfnRun[], now: readonly PfnRun[]): number | null {
  const places = new Map<number, number>();
  for (const { page, pfn, count } of now) for (let i = 0; i < count; i++) places.set(page + i, pfn + i);
  for (const { page, pfn, count } of before)
    for (let i = 0; i < count; i++) if (places.get(page + i) !== pfn + i) return page + i;
  return null;
}

/**
 * A file that did not come back: its pages are still marked as handed over (leaked), or the next kernel has them
 * (lost).
 */
export function fateOfMissing(
  read: ReadPhys,
  pattern: PageContent,
  runs: readonly PfnRun[],
  marked: KhopIndex,
  why: string,
): FateOfFile {
  const counts = { ...NO_PAGES, pagesPreserved: countPages(runs) };
  let readable = 0;
  const map = new PageMap();
  const look = lookOutside(read, pattern, runs, (run, index, equal) => {
    const leaked = marked.has(run.pfn + index);
    map.add(run.pfn + index, leaked ? 'leaked' : equal ? 'lost' : 'reused');
    if (leaked) counts.pagesLeaked++;
    else counts.pagesLost++;
    if (equal) readable++;
  });
  const fate = counts.pagesLost > 0 || counts.pagesPreserved === 0 ? 'lost' : 'leaked';
  return {
    ...counts,
    fate,
    overwritten: counts.pagesPreserved - readable,
    readable,
    look,
    problems: [why],
    disagreement: null,
    map: map.runs,
  };
}

/** A file of a machine that has ended: its pages are looked at, and nothing is concluded. */
export function fateUnjudged(read: ReadPhys, pattern: PageContent, runs: readonly PfnRun[]): FateOfFile {
  const look = lookOutside(read, pattern, runs);
  const problems = [`the machine ended first; ${look.equal} of ${look.pages} pages still held their content then`];
  return {
    ...NO_PAGES,
    pagesPreserved: countPages(runs),
    fate: 'unjudged',
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
