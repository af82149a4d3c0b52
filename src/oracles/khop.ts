// SPDX-License-Identifier: Apache-2.0
// Pages that were handed over and that nobody restored. KHO marks the first `struct page` of each with the letters KHOP in `private`
// (kernel/liveupdate/kexec_handover.c, `union kho_page_info`, 6.18 to 7.3): word 10 is the order, word 11 the magic.

/** Bytes of a `struct page` on x86-64 in the lab's configurations. */
export const STRUCT_PAGE = 64;
/** Where the array of all `struct page` begins, 4-level paging, without address randomisation (arch/x86/include/asm/pgtable_64_types.h). */
export const VMEMMAP = 0xffff_ea00_0000_0000n;

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

export function countPages(found: readonly KhopPages[]): number {
  return found.reduce((sum, { order }) => sum + 2 ** order, 0);
}

/** Answers whether a page is marked, for many questions. */
export class KhopIndex {
  private readonly pages = new Set<number>();
  constructor(found: readonly KhopPages[]) {
    for (const { pfn, order } of found) for (let i = 0; i < 2 ** order; i++) this.pages.add(pfn + i);
  }
  has(pfn: number): boolean {
    return this.pages.has(pfn);
  }
}
