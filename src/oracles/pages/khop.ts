// SPDX-License-Identifier: Apache-2.0
// Finds preserved pages that nobody restored. KHO marks the first `struct page` of each range with the letters KHOP in
// `private` (kernel/liveupdate/kexec_handover.c, `union kho_page_info`, 6.18 to 7.3): word 10 is the order, word 11 the
// magic number.

import { type PageRange, PageRanges } from './page-ranges.js';

/** Size of a `struct page` on x86-64 in the lab's configurations. */
export const STRUCT_PAGE = 64;

const KHOP = 0x4b48_4f50;
const WORDS = STRUCT_PAGE / 4;
const ORDER_WORD = 10;
const MAGIC_WORD = 11;
/** Where the marks are, in bytes: `private`. */
export const MARKS = ORDER_WORD * 4;
const MAX_ORDER = 20;

/** 2^order physical pages from `pfn` on that were preserved and not restored. */
export interface KhopPages {
  pfn: number;
  order: number;
}

/**
 * Finds marked pages in a part of the array.
 * @param firstPfn the page that `structs` begins with
 */
export function findKhop(structs: Uint32Array, firstPfn: number): KhopPages[] {
  const found: KhopPages[] = [];
  for (let at = MAGIC_WORD, pfn = firstPfn; at < structs.length; at += WORDS, pfn++) {
    if (structs[at] !== KHOP) continue;
    const order = structs[at - MAGIC_WORD + ORDER_WORD] as number;
    if (order <= MAX_ORDER) found.push({ pfn, order });
  }
  return found;
}

/**
 * Is this page marked?
 * @param struct one `struct page`
 */
export function isMarked(struct: Buffer): boolean {
  return struct.readUInt32LE(MAGIC_WORD * 4) === KHOP && struct.readUInt32LE(ORDER_WORD * 4) <= MAX_ORDER;
}

export function countPages(found: readonly KhopPages[]): number {
  return found.reduce((sum, { order }) => sum + 2 ** order, 0);
}

/** One entry for neighbours: there are half a million pages in 2 GiB, and few gaps. */
function joined(found: readonly KhopPages[]): { pfn: number; count: number }[] {
  const runs: { pfn: number; count: number }[] = [];
  for (const { pfn, order } of found) {
    const last = runs.at(-1);
    if (last !== undefined && last.pfn + last.count === pfn) last.count += 2 ** order;
    else runs.push({ pfn, count: 2 ** order });
  }
  return runs;
}

/** The order of each folio, by its first page. No pair is made of each: there may be millions. */
export function ordersOf(found: readonly KhopPages[]): Map<number, number> {
  const orders = new Map<number, number>();
  for (const { pfn, order } of found) orders.set(pfn, order);
  return orders;
}

/** Answers many "is this page marked?" questions. One mark may claim 2^20 pages. */
export class KhopIndex extends PageRanges {
  constructor(found: readonly KhopPages[]) {
    super(joined(found));
  }

  /** True if no page is marked: this kernel does not mark pages, or they could not be read. */
  get isEmpty(): boolean {
    return this.ranges.length === 0;
  }

  /** Counts the marked pages among `count` pages from `pfn` on. */
  marked(pfn: number, count: number): number {
    let sum = 0;
    for (let i = this.firstBehind(pfn); i < this.ranges.length; i++) {
      const { start, end } = this.ranges[i] as PageRange;
      if (start >= pfn + count) break;
      sum += Math.min(end, pfn + count) - Math.max(start, pfn);
    }
    return sum;
  }
}
