// SPDX-License-Identifier: Apache-2.0
// Pages that were handed over and that nobody restored. KHO marks the first `struct page` of each with the letters KHOP
// in `private` (kernel/liveupdate/kexec_handover.c, `union kho_page_info`, 6.18 to 7.3): word 10 is the order, word 11
// the magic.

/** Bytes of a `struct page` on x86-64 in the lab's configurations. */
export const STRUCT_PAGE = 64;

const KHOP = 0x4b48_4f50;
const WORDS = STRUCT_PAGE / 4;
const ORDER_WORD = 10;
const MAGIC_WORD = 11;
const MAX_ORDER = 20;

/** 2^order physical pages from `pfn` on, handed over and not restored. */
export interface KhopPages {
  pfn: number;
  order: number;
}

/** Finds marked pages in a piece of the array. @param firstPfn the page that `structs` begins with */
export function findKhop(structs: Uint32Array, firstPfn: number): KhopPages[] {
  const found: KhopPages[] = [];
  for (let at = MAGIC_WORD, pfn = firstPfn; at < structs.length; at += WORDS, pfn++) {
    if (structs[at] !== KHOP) continue;
    const order = structs[at - MAGIC_WORD + ORDER_WORD] as number;
    if (order <= MAX_ORDER) found.push({ pfn, order });
  }
  return found;
}

/** @param struct one `struct page` */
export function isMarked(struct: Buffer): boolean {
  return struct.readUInt32LE(MAGIC_WORD * 4) === KHOP && struct.readUInt32LE(ORDER_WORD * 4) <= MAX_ORDER;
}

export function countPages(found: readonly KhopPages[]): number {
  return found.reduce((sum, { order }) => sum + 2 ** order, 0);
}

/**
 * Answers whether a page is marked, for many questions. A mark may claim 2^20 pages, so ranges are kept and not pages.
 */
export class KhopIndex {
  /** Ascending and apart from each other; `end` exclusive. */
  readonly ranges: readonly { start: number; end: number }[] = [];

  constructor(found: readonly KhopPages[]) {
    const ranges: { start: number; end: number }[] = [];
    for (const { pfn, order } of [...found].sort((a, b) => a.pfn - b.pfn)) {
      const last = ranges.at(-1);
      const end = pfn + 2 ** order;
      if (last !== undefined && pfn <= last.end) last.end = Math.max(last.end, end);
      else ranges.push({ start: pfn, end });
    }
    this.ranges = ranges;
  }

  /** No page at all: such a kernel marks none, or they could not be seen. */
  get isEmpty(): boolean {
    return this.ranges.length === 0;
  }

  has(pfn: number): boolean {
    const range = this.ranges[this.firstBehind(pfn)];
    return range !== undefined && range.start <= pfn;
  }

  /** How many of `count` pages from `pfn` on are marked. */
  marked(pfn: number, count: number): number {
    let sum = 0;
    for (let i = this.firstBehind(pfn); i < this.ranges.length; i++) {
      const { start, end } = this.ranges[i] as { start: number; end: number };
      if (start >= pfn + count) break;
      sum += Math.min(end, pfn + count) - Math.max(start, pfn);
    }
    return sum;
  }

  /** The first range that ends behind a page. */
  private firstBehind(pfn: number): number {
    let low = 0;
    let high = this.ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.ranges[middle] as { end: number }).end > pfn) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
