// SPDX-License-Identifier: Apache-2.0
// The pages that the running kernel still marks as handed over, read from its page array.
import { countPages, findKhop, KhopIndex, type KhopPages } from '../../oracles/pages/khop.js';
import type { MemoryView } from '../../qemu/memory.js';
import { eachStructPage, type PageArray } from '../../qemu/vmemmap.js';
import type { Pieces } from '../../util/loop/turns.js';

export interface MarkedPages {
  found: KhopPages[];
  index: KhopIndex;
  /** Number of pages, not of folios. */
  total: number;
  /** On arrival: the content of pages that belong to no file, by page frame (judge/closing/closing.ts). */
  others?: Map<number, string>;
}

/** Finds them; null if the page array cannot be read. */
export function* markedIn(memory: MemoryView, array: PageArray): Pieces<MarkedPages | null> {
  const found: KhopPages[] = [];
  const entries = yield* eachStructPage(memory, array, (structs, firstPfn) => {
    for (const pages of findKhop(structs, firstPfn)) found.push(pages);
  });
  return entries === 0 ? null : { found, index: new KhopIndex(found), total: countPages(found) };
}
