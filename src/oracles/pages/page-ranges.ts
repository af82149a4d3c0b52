// SPDX-License-Identifier: Apache-2.0
// A set of physical pages, kept as ranges: there may be millions of pages in a few ranges.

/** `end` is exclusive. */
export interface PageRange {
  start: number;
  end: number;
}

interface Pages {
  pfn: number;
  count: number;
}

export class PageRanges {
  /** Ascending and disjoint. */
  readonly ranges: readonly PageRange[];

  /** @param pages in any order; they may overlap */
  constructor(pages: readonly Pages[]) {
    const ranges: PageRange[] = [];
    for (const { pfn, count } of ascending(pages)) {
      const last = ranges.at(-1);
      const end = pfn + count;
      if (last !== undefined && pfn <= last.end) last.end = Math.max(last.end, end);
      else ranges.push({ start: pfn, end });
    }
    this.ranges = ranges;
  }

  has(pfn: number): boolean {
    const range = this.ranges[this.firstBehind(pfn)];
    return range !== undefined && range.start <= pfn;
  }

  /** Returns the index of the first range that ends behind a page. */
  protected firstBehind(pfn: number): number {
    let low = 0;
    let high = this.ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.ranges[middle] as PageRange).end > pfn) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Most lists are ascending already, and sorting a million entries takes long. */
function ascending(pages: readonly Pages[]): readonly Pages[] {
  return pages.every(({ pfn }, i) => i === 0 || (pages[i - 1] as Pages).pfn <= pfn)
    ? pages
    : [...pages].sort((a, b) => a.pfn - b.pfn);
}
