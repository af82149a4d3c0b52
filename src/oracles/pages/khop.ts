// SPDX-License-Identifier: Apache-2.0
// Finds preserved pages that nobody restored. KHO marks the first `struct page` of each range with the letters KHOP in
// `private` (kernel/liveupdate/kexec_handover.c, `union kho_page_info`, 6.18 to 7.3): word 10 is the order, word 11 the
// magic number.

/** Size of a `struct page` on x86-64 in the lab's configurations. */
export const STRUCT_PAGE = 64;

const KHOP = 0x4b48_4f50;
const WORDS = STRUCT_PAGE / 4;
const ORDER_WORD = 10;
const MAGIC_WORD = 11;
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

/** Answers many "is this page marked?" questions. It keeps ranges, not pages, because one mark may claim 2^20 pages. */
export class KhopIndex {
  /** Ascending and disjoint; `end` is exclusive. */
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

  /** True if no page is marked: this kernel does not mark pages, or they could not be read. */
  get isEmpty(): boolean {
    return this.ranges.length === 0;
  }

  has(pfn: number): boolean {
    const range = this.ranges[this.firstBehind(pfn)];
    return range !== undefined && range.start <= pfn;
  }

  /** Counts the marked pages among `count` pages from `pfn` on. */
  marked(pfn: number, count: number): number {
    let sum = 0;
    for (let i = this.firstBehind(pfn); i < this.ranges.length; i++) {
      const { start, end } = this.ranges[i] as { start: number; end: number };
      if (start >= pfn + count) break;
      sum += Math.min(end, pfn + count) - Math.max(start, pfn);
    }
    return sum;
  }

  /** Returns the index of the first range that ends behind a page. */
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
