// SPDX-License-Identifier: Apache-2.0
// Follows the pages of one file into the next kernel: when it is up, and when the update is judged.
import type { ReadPhys } from '../../handover/memory/memory.js';
import type { PagesOfFile } from '../../model/evidence/handed-over.js';
import type { Pieces } from '../../util/loop/turns.js';
import { PAGE } from '../files/pattern.js';
import { cachePlaceOf, mappingOf, type StructOf } from '../pages/folio.js';
import type { KhopIndex } from '../pages/khop.js';
import { eachPage, type Fingerprints } from './fingerprints.js';

export interface PageOfFile {
  page: number;
  pfn: number;
}

/** A count, and the first page that it counts. */
export interface Counted {
  count: number;
  first: PageOfFile | null;
}

const NONE = (): Counted => ({ count: 0, first: null });

function note(counted: Counted, page: number, pfn: number): void {
  counted.count++;
  counted.first ??= { page, pfn };
}

/** When the next kernel is up, and nobody has asked for anything. */
export interface ArrivalLook {
  pages: number;
  /** Not marked as handed over. */
  unmarked: Counted;
  /** Marked, and with other content than at the jump. */
  changed: Counted;
}

/** @param prints null: somebody else compares the content, and only the marks count */
export function* lookAtArrival(
  read: ReadPhys,
  runs: readonly PagesOfFile[],
  { marked, prints }: { marked: KhopIndex; prints: Fingerprints | null },
): Pieces<ArrivalLook> {
  const look: ArrivalLook = { pages: 0, unmarked: NONE(), changed: NONE() };
  for (const run of runs) {
    if (prints === null) {
      look.pages += run.count;
      if (marked.marked(run.pfn, run.count) === run.count) continue;
      for (let i = 0; i < run.count; i++) if (!marked.has(run.pfn + i)) note(look.unmarked, run.page + i, run.pfn + i);
      yield;
      continue;
    }
    for (const each of eachPage(read, run)) {
      if (each === null) {
        yield;
        continue;
      }
      const page = run.page + each.pfn - run.pfn;
      look.pages++;
      if (!marked.has(each.pfn)) note(look.unmarked, page, each.pfn);
      else if (each.bytes === null || prints.matches(each.pfn, each.bytes) === false)
        note(look.changed, page, each.pfn);
    }
  }
  return look;
}

/** When the update is judged. */
export interface EndLook {
  pages: number;
  /** In the page cache of the file that has most pages in their places, with their content. */
  cached: number;
  marked: number;
  /** Neither in that file nor marked: free, or in other use. */
  released: Counted;
  /** In that file, at another offset than before. */
  moved: Counted;
  /** Marked or in that file, and with other content than at the jump. */
  changed: Counted;
  /** In that file, and read as zeros, although they held something: the kernel does not take them for valid. */
  hidden: Counted;
  /** Address of that file's `struct address_space`; null if no file has a page in its place with its content. */
  mapping: bigint | null;
}

/** Pages in the page cache of one file. A page that was given back may be in any file by now. */
interface InFile {
  lo: number;
  hi: number;
  /** In their places and with their content. */
  right: number;
  all: Counted;
  moved: Counted;
  changed: Counted;
  hidden: Counted;
}

/** Files that are told apart; pages of further files count as released. */
const MAX_FILES = 16;

export function* lookAtEnd(
  read: ReadPhys,
  runs: readonly PagesOfFile[],
  around: { marked: KhopIndex; prints: Fingerprints; structOf: StructOf },
): Pieces<EndLook> {
  const { marked, prints, structOf } = around;
  const files: InFile[] = [];
  const [changed, elsewhere] = [NONE(), NONE()];
  let pages = 0;
  let stillMarked = 0;
  const bytes = Buffer.alloc(PAGE);
  for (const run of runs) {
    for (let i = 0; i < run.count; i++) {
      const [page, pfn] = [run.page + i, run.pfn + i];
      if (++pages % 256 === 0) yield;
      const isMarked = marked.has(pfn);
      const place = isMarked ? null : cachePlaceOf(structOf, pfn);
      const file = place === null ? null : fileAt(files, place);
      if (!isMarked && (place === null || file === null)) {
        note(elsewhere, page, pfn);
        continue;
      }
      const same = read(pfn * PAGE, bytes) && prints.matches(pfn, bytes) !== false;
      if (isMarked) stillMarked++;
      if (file === null || place === null) {
        if (!same) note(changed, page, pfn);
        continue;
      }
      note(file.all, page, pfn);
      if (place.page !== page) note(file.moved, page, pfn);
      else if (same) file.right++;
      if (!same) note(file.changed, page, pfn);
      if (!place.upToDate && !prints.wasZero(pfn)) note(file.hidden, page, pfn);
    }
  }
  const [holder] = files.filter(({ right }) => right > 0).sort((a, b) => b.right - a.right);
  const others = files.filter((file) => file !== holder).map(({ all }) => all);
  return {
    pages,
    cached: holder?.all.count ?? 0,
    marked: stillMarked,
    released: together([elsewhere, ...others]),
    moved: holder?.moved ?? NONE(),
    hidden: holder?.hidden ?? NONE(),
    changed: together([changed, ...(holder === undefined ? [] : [holder.changed])]),
    mapping: holder === undefined ? null : mappingOf(holder),
  };
}

/** Most pages are in the file of the page before, which is at the end of the list. */
function fileAt(files: InFile[], { lo, hi }: { lo: number; hi: number }): InFile | null {
  for (let i = files.length - 1; i >= 0; i--) {
    const file = files[i] as InFile;
    if (file.lo === lo && file.hi === hi) return file;
  }
  if (files.length >= MAX_FILES) return null;
  const file = { lo, hi, right: 0, all: NONE(), moved: NONE(), changed: NONE(), hidden: NONE() };
  files.push(file);
  return file;
}

function together(counted: readonly Counted[]): Counted {
  const firsts = counted.flatMap(({ first }) => first ?? []).sort((a, b) => a.page - b.page);
  return { count: counted.reduce((sum, { count }) => sum + count, 0), first: firsts[0] ?? null };
}
