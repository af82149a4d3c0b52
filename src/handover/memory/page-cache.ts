// SPDX-License-Identifier: Apache-2.0
// Pages that a walk has read: each is read once, and together they are all that the same walk needs again elsewhere.
import { HandoverError, PAGE, type ReadPhys } from './memory.js';

/** Pages; a walk that goes further is not worth an image. */
const MOST_PAGES = 65_536;

export class PageCache {
  /** By page frame; null where there is no memory. */
  private readonly seen = new Map<number, Uint8Array | null>();

  constructor(private readonly from: ReadPhys) {}

  /** A ReadPhys. Throws HandoverError where more was read than is kept. */
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

  /** In the order of their frames. */
  pages(): { pfn: number; bytes: Uint8Array }[] {
    return [...this.seen]
      .flatMap(([pfn, bytes]) => (bytes === null ? [] : [{ pfn, bytes }]))
      .sort((a, b) => a.pfn - b.pfn);
  }

  private page(pfn: number): Uint8Array | null {
    const known = this.seen.get(pfn);
    if (known !== undefined) return known;
    if (this.seen.size >= MOST_PAGES)
      throw new HandoverError(`the handover takes more than ${MOST_PAGES} pages by itself`);
    const bytes = new Uint8Array(PAGE);
    const page = this.from(pfn * PAGE, bytes) ? bytes : null;
    this.seen.set(pfn, page);
    return page;
  }
}
