// SPDX-License-Identifier: Apache-2.0
// All areas of the map of preserved memory, kept small: there may be millions of single pages.
import type { Area } from '../kho/areas.js';

/** `count` page frames from `pfn` on. */
export interface PageSpan {
  pfn: number;
  count: number;
}

export class AreaList {
  /** Orders above 0, by the first page frame. */
  private readonly large = new Map<number, number>();
  private singles = new Float64Array(1024);
  private singleCount = 0;
  private sorted = false;
  /** Number of preserved pages. */
  pages = 0;

  add({ pfn, order }: Area): void {
    this.pages += 2 ** order;
    if (order > 0) {
      this.large.set(pfn, order);
      return;
    }
    if (this.singleCount === this.singles.length) {
      const larger = new Float64Array(this.singles.length * 2);
      larger.set(this.singles);
      this.singles = larger;
    }
    this.singles[this.singleCount++] = pfn;
    this.sorted = false;
  }

  /** The order of the area that starts at a page frame; null if none starts there. */
  orderOf(pfn: number): number | null {
    const order = this.large.get(pfn);
    if (order !== undefined) return order;
    const singles = this.ascending();
    let [low, high] = [0, singles.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((singles[middle] as number) < pfn) low = middle + 1;
      else high = middle;
    }
    return singles[low] === pfn ? 0 : null;
  }

  /** The preserved pages that are not in any of these spans, ascending. */
  without(claimed: readonly PageSpan[]): PageSpan[] {
    const taken = merged([...claimed]);
    const left: PageSpan[] = [];
    let next = 0;
    for (const { pfn, count } of this.spans()) {
      let at = pfn;
      const end = pfn + count;
      while (at < end) {
        while (next < taken.length && endOf(taken[next] as PageSpan) <= at) next++;
        const span = taken[next];
        const stop = span === undefined ? end : Math.min(end, Math.max(at, span.pfn));
        if (stop > at) left.push({ pfn: at, count: stop - at });
        at = span === undefined || stop === end ? end : Math.min(end, endOf(span));
      }
    }
    return left;
  }

  private spans(): PageSpan[] {
    const spans: PageSpan[] = [...this.large].map(([pfn, order]) => ({ pfn, count: 2 ** order }));
    for (const pfn of this.ascending()) {
      const last = spans.at(-1);
      if (last !== undefined && endOf(last) === pfn) last.count++;
      else spans.push({ pfn, count: 1 });
    }
    return merged(spans);
  }

  private ascending(): Float64Array {
    const singles = this.singles.subarray(0, this.singleCount);
    if (!this.sorted) singles.sort();
    this.sorted = true;
    return singles;
  }
}

function endOf({ pfn, count }: PageSpan): number {
  return pfn + count;
}

/** Ascending and disjoint. */
function merged(spans: PageSpan[]): PageSpan[] {
  const result: PageSpan[] = [];
  for (const span of spans.sort((a, b) => a.pfn - b.pfn)) {
    const last = result.at(-1);
    if (last !== undefined && span.pfn <= endOf(last)) last.count = Math.max(endOf(last), endOf(span)) - last.pfn;
    else result.push({ ...span });
  }
  return result;
}
