// SPDX-License-Identifier: Apache-2.0
// The stack of an allocation: which function wanted the memory.

/** A stack longer than this is cut. The kernel keeps at most 64 functions of one (lib/stackdepot.c). */
export const MAX_FRAMES = 64;
const FRAME =
  /^\s+(?:\[<[0-9a-fx]{1,20}>\] )?([\w.$]{1,100})\+0x[0-9a-f]{1,8}\/0x[0-9a-f]{1,8}(?: \[[\w-]{1,60}\])?\s*$/;

/** Functions that only hand out memory: the one that wanted it is further out. */
const ALLOCATORS = new RegExp(
  `^(?:${[
    String.raw`kmemleak_\w+|slab_post_alloc_hook|post_alloc_hook|__set_page_owner|set_page_owner|save_stack`,
    String.raw`_*k[mvz]+alloc\w*|_*k[mc]+alloc\w*|_*krealloc\w*|_*kvrealloc\w*`,
    String.raw`kmem_cache_\w+|_*slab_alloc\w*|__pcs_\w+|alloc_\w+_sheaf`,
    String.raw`_*kmemdup\w*|kstrdup\w*|allocate_slab|new_slab|refill_\w+|alloc_from_pcs|pcpu_\w+`,
    String.raw`get_page_from_freelist|prep_new_page|rmqueue\w*|_*alloc_pages\w*|alloc_pages_mpol\w*|_*folio_alloc\w*`,
    String.raw`alloc_slab_page|get_free_pages_noprof|get_zeroed_page\w*|vma_alloc_folio\w*|_*alloc_frozen_pages\w*`,
    String.raw`_*vmalloc\w*|vzalloc\w*|_*vmalloc_node\w*|vm_area_alloc_pages`,
  ].join('|')})$`,
);

/** Returns the function in a line of a stack; null if the line is none. */
export function functionIn(line: string): string | null {
  const name = FRAME.exec(line)?.[1];
  return name === undefined ? null : name.replace(/\.(?:isra|constprop|part|cold|llvm)\b.*$/, '');
}

/** Returns the function that wanted the memory; null if all of them only give it, or there is none. */
export function allocatorOf(frames: readonly string[]): string | null {
  return frames.find((name) => !ALLOCATORS.test(name)) ?? null;
}
