// SPDX-License-Identifier: Apache-2.0
// Finds the folio of a page, and its place in the page cache, from the array of `struct page`. Layout:
// include/linux/mm_types.h and page-flags.h, 6.19 to 7.3, 64 bytes, CONFIG_MEMCG not set.

/** Returns the 16 words of one `struct page`; null if the kernel's array does not cover the page. */
export type StructOf = (pfn: number) => { words: Uint32Array; at: number } | null;

export const [FLAGS, COMPOUND, MAPPING, INDEX, MAPCOUNT, REFCOUNT] = [0, 2, 6, 8, 12, 13];
/** Flags of a folio's first page. */
export const [UPTODATE, HEAD] = [1 << 3, 1 << 6];
/** Word indexes in the second page of a large folio. */
const [LARGE_MAPCOUNT, LARGE_ORDER_MASK] = [4, 0xff];
const MAX_ORDER = 20;

export interface Folio {
  head: { words: Uint32Array; at: number };
  pfn: number;
  order: number;
  /** Number of references by page tables. */
  mapped: number;
}

/** Finds the folio of a page; null if its structs contradict each other. */
export function folioOf(structOf: StructOf, pfn: number): Folio | null {
  const own = structOf(pfn);
  if (own === null) return null;
  const word = own.words[own.at + COMPOUND] as number;
  // Bit 0 of this word is set in a tail page. The word is the address of the head or, in 7.3, the mask that leads to
  // it. The order tells where the head is in both cases.
  if ((word & 1) === 0) {
    const flags = own.words[own.at + FLAGS] as number;
    return (flags & HEAD) === 0
      ? { head: own, pfn, order: 0, mapped: ((own.words[own.at + MAPCOUNT] as number) + 1) | 0 }
      : large(structOf, pfn);
  }
  for (let order = 1; order <= MAX_ORDER; order++) {
    const first = pfn - (pfn % 2 ** order);
    const head = first === pfn ? null : structOf(first);
    if (
      head === null ||
      ((head.words[head.at + FLAGS] as number) & HEAD) === 0 ||
      ((head.words[head.at + COMPOUND] as number) & 1) !== 0
    )
      continue;
    const folio = large(structOf, first);
    return folio !== null && pfn < first + 2 ** folio.order ? folio : null;
  }
  return null;
}

function large(structOf: StructOf, pfn: number): Folio | null {
  const second = structOf(pfn + 1);
  if (second === null) return null;
  const order = (second.words[second.at + FLAGS] as number) & LARGE_ORDER_MASK;
  const mapped = ((second.words[second.at + LARGE_MAPCOUNT] as number) + 1) | 0;
  const head = structOf(pfn);
  return head === null || order === 0 || order > MAX_ORDER || pfn % 2 ** order !== 0
    ? null
    : { head, pfn, order, mapped: Math.max(0, mapped) };
}

/** The place of a page in the page cache. `lo` and `hi` are the halves of the address of its file's mapping. */
export interface CachePlace {
  lo: number;
  hi: number;
  page: number;
  /** The kernel takes the content for valid; without that, the page reads as zeros. */
  upToDate: boolean;
}

/** Address of the `struct address_space` that a page is in. */
export function mappingOf({ lo, hi }: Pick<CachePlace, 'lo' | 'hi'>): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

/** Returns the place of a page that is in use in the page cache of a file; null for any other page. */
export function cachePlaceOf(structOf: StructOf, pfn: number): CachePlace | null {
  const folio = folioOf(structOf, pfn);
  if (folio === null) return null;
  const { words, at } = folio.head;
  const [lo, hi] = [words[at + MAPPING] as number, words[at + MAPPING + 1] as number];
  // The low bits of the word are set for anonymous memory; an address of the kernel has its high bits set.
  if ((lo & 3) !== 0 || hi >>> 16 === 0 || (words[at + REFCOUNT] as number) === 0) return null;
  const first = (words[at + INDEX] as number) + (words[at + INDEX + 1] as number) * 2 ** 32;
  return { lo, hi, page: first + (pfn - folio.pfn), upToDate: ((words[at + FLAGS] as number) & UPTODATE) !== 0 };
}
