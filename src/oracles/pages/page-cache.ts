// SPDX-License-Identifier: Apache-2.0
// Does the kernel treat the pages of a memfd as pages of a file? Each must be in the page cache at its index, in a
// folio of the same order as before, not free, up to date, dirty (a clean page may be dropped), and referenced by the
// page cache alone. Layout: include/linux/mm_types.h and page-flags.h, 6.19 to 7.3, 64 bytes, CONFIG_MEMCG not set. The
// code that restores a folio: mm/memfd_luo.c.
import type { Pieces } from '../../util/loop/turns.js';
import type { PfnRun } from '../files/outside.js';
import {
  COMPOUND,
  FLAGS,
  type Folio,
  folioOf,
  HEAD,
  INDEX,
  MAPCOUNT,
  MAPPING,
  REFCOUNT,
  type StructOf,
  UPTODATE,
} from './folio.js';

export type { StructOf } from './folio.js';

export interface CachedFile {
  runs: readonly PfnRun[];
  /** Orders of the preserved folios, by their first page; empty if unknown. */
  orders: ReadonlyMap<number, number>;
  /** True for pages that nobody wrote. They may be clean: 6.19 hands a page over as it was. */
  isHole: (page: number) => boolean;
  /** True if nobody else can hold a reference: no session, no device and no guest. */
  alone: boolean;
}

export interface PageProblem {
  /** What is wrong, as a phrase: "free although the file has it". */
  what: string;
  /** A page with too many references never becomes free. Everything else endangers the content. */
  implies: 'corrupt' | 'leak';
  count: number;
  first: { page: number; pfn: number };
}

export interface PageCacheView {
  pages: number;
  /** Pages whose struct looks like that of a page of a file. */
  familiar: number;
  problems: PageProblem[];
}

const [DIRTY, SWAPBACKED] = [1 << 4, 1 << 17];
/** Pages that are checked without a turn of the loop. */
const PAGES_OF_PIECE = 4096;
/** Problems that mean that the kernel no longer has the page for the file. */
const GONE = {
  free: 'free although the file has it',
  taken: 'in other hands, and not in the page cache',
  moved: 'at another place of the page cache',
  foreign: 'in the page cache of another file',
} as const;
const TOO_MANY = 'never free again: referenced';

/** In pieces: a large machine has millions of pages. */
export function* inspectPageCache(structOf: StructOf, file: CachedFile): Pieces<PageCacheView> {
  const found = new Problems();
  let pages = 0;
  let familiar = 0;
  let mapping: string | null = null;
  /** The mapping of the last page that was checked in full. Most pages match it, and there are millions of them. */
  const same = [0, 0];
  for (const run of file.runs) {
    for (let i = 0; i < run.count; i++) {
      const page = run.page + i;
      const pfn = run.pfn + i;
      if (++pages % PAGES_OF_PIECE === 0) yield;
      const own = structOf(pfn);
      if (own !== null && isOrdinary(own, page, same) && (file.orders.get(pfn) ?? 0) === 0) {
        familiar++;
        continue;
      }
      const folio = folioOf(structOf, pfn);
      if (folio === null) {
        found.add('of no folio that makes sense', page, pfn);
        continue;
      }
      const { words, at } = folio.head;
      const word = (index: number) => words[at + index] as number;
      const owner = `${word(MAPPING + 1)}:${word(MAPPING)}`;
      const inCache = (word(MAPPING) & 3) === 0 && word(MAPPING + 1) >>> 16 !== 0;
      const inPlace = word(INDEX) + word(INDEX + 1) * 2 ** 32 + (pfn - folio.pfn) === page;
      if (inCache && inPlace) familiar++;
      if (word(REFCOUNT) === 0) found.add(GONE.free, page, pfn);
      else if (!inCache) found.add(GONE.taken, page, pfn);
      else if (!inPlace) found.add(GONE.moved, page, pfn);
      else if ((mapping ??= owner) !== owner) found.add(GONE.foreign, page, pfn);
      else {
        [same[0], same[1]] = [word(MAPPING), word(MAPPING + 1)];
        found.addAll(flagProblems(word, file, folio, page), page, pfn);
      }
    }
  }
  return { pages, familiar, problems: found.list };
}

/** Is this a page of order 0, in the mapping `same`, without any problem? */
function isOrdinary({ words, at }: { words: Uint32Array; at: number }, page: number, same: readonly number[]): boolean {
  const all = UPTODATE | DIRTY | SWAPBACKED;
  return (
    ((words[at + FLAGS] as number) & (all | HEAD)) === all &&
    ((words[at + COMPOUND] as number) & 1) === 0 &&
    same[1] !== 0 &&
    words[at + MAPPING] === same[0] &&
    words[at + MAPPING + 1] === same[1] &&
    words[at + INDEX] === page &&
    words[at + INDEX + 1] === 0 &&
    words[at + MAPCOUNT] === 0xffff_ffff &&
    words[at + REFCOUNT] === 1
  );
}

/**
 * Returns the problems that mean that the kernel no longer has the page. If no page looks as expected, the layout of
 * the struct is probably unknown, and the answer is none.
 */
export function goneOf({ familiar, problems }: PageCacheView): PageProblem[] {
  const gone: readonly string[] = Object.values(GONE);
  return familiar === 0 ? [] : problems.filter(({ what }) => gone.includes(what));
}

type Word = (index: number) => number;

function flagProblems(word: Word, { orders, isHole, alone }: CachedFile, folio: Folio, page: number): string[] {
  const problems: string[] = [];
  const flags = word(FLAGS);
  if ((flags & SWAPBACKED) === 0) problems.push('not marked as shared memory');
  if (!isHole(page) && (flags & UPTODATE) === 0) problems.push('not up to date: it reads as zeros');
  if (!isHole(page) && (flags & DIRTY) === 0) problems.push('clean: under memory pressure its content is dropped');
  const handed = orders.get(folio.pfn);
  if (handed !== undefined && handed !== folio.order)
    problems.push(`in a folio of order ${folio.order}, handed over in one of order ${handed}`);
  const expected = 2 ** folio.order + folio.mapped;
  const references = word(REFCOUNT) | 0;
  if (references < expected)
    problems.push(`short of references: ${references}, the page cache and mappings have ${expected}`);
  else if (alone && references > expected)
    problems.push(`${TOO_MANY} ${references} times, the page cache and mappings have ${expected}`);
  return problems;
}

/** Problems grouped by their text, each with a count and its first page. */
class Problems {
  private readonly byName = new Map<string, PageProblem>();

  add(what: string, page: number, pfn: number): void {
    const known = this.byName.get(what);
    if (known !== undefined) known.count++;
    else if (this.byName.size < 16)
      this.byName.set(what, {
        what,
        implies: what.startsWith(TOO_MANY) ? 'leak' : 'corrupt',
        count: 1,
        first: { page, pfn },
      });
  }

  addAll(all: readonly string[], page: number, pfn: number): void {
    for (const what of all) this.add(what, page, pfn);
  }

  get list(): PageProblem[] {
    return [...this.byName.values()];
  }
}
