// SPDX-License-Identifier: Apache-2.0
// Keeps every page that a walk reads, so that the same walk can be repeated later from these pages alone.
import { HandoverError, PAGE, type ReadPhys } from './memory.js';

/** The pages of a larger walk are not worth keeping. */
const MAX_PAGES = 65_536;

export class PageCache {
  /** By page frame; null if there is no memory. */
  private readonly seen = new Map<number, Uint8Array | null>();

  constructor(private readonly from: ReadPhys) {}

  /** Reads through the cache. Throws HandoverError if the walk needs more than MAX_PAGES. */
  readonly read: ReadPhys = (phys, into) => {
    for (let at = 0; at < into.length;) {
      const offset = (phys + at) % PAGE;
      const page = this.page((phys + at - offset) / PAGE);
      if (page === null) return false;
      const count = Math.min(into.length - at, PAGE - offset);
      into.set(page.subarray(offset, offset + count), at);
      at += count;
    }
    return true;
  };

  /** In the order of their page frames. */
  pages(): { pfn: number; bytes: Uint8Array }[] {
    return [...this.seen]
      .flatMap(([pfn, bytes]) => (bytes === null ? [] : [{ pfn, bytes }]))
      .sort((a, b) => a.pfn - b.pfn);
  }

  private page(pfn: number): Uint8Array | null {
    const known = this.seen.get(pfn);
    if (known !== undefined) return known;
    if (this.seen.size >= MAX_PAGES)
      throw new HandoverError(`the structures of the handover fill more than ${MAX_PAGES} pages`);
    const bytes = new Uint8Array(PAGE);
    const page = this.from(pfn * PAGE, bytes) ? bytes : null;
    this.seen.set(pfn, page);
    return page;
  }
}
