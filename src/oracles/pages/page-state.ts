// SPDX-License-Identifier: Apache-2.0
// Tells what a kernel does with a page, from its `struct page` (include/linux/mm_types.h and page-flags.h, 6.19 to 7.3;
// 64 bytes, CONFIG_MEMCG not set).
import { isMarked } from './khop.js';

/**
 * `handed-over`: the last kernel preserved it, and nobody has restored it yet. `free`: the allocator may give it away.
 */
export type PageState = 'handed-over' | 'free' | 'in-use';

const COMPOUND_HEAD = 8;
const PAGE_TYPE = 48;
const REFCOUNT = 52;
/**
 * Top byte of `page_type`: no type, and PGTY_buddy. A page of another type may be in use without a reference (slab).
 */
const NO_TYPE = 0xff;
const BUDDY = 0xf0;

/**
 * Returns the state of one page.
 * @param struct one `struct page`
 */
export function pageState(struct: Buffer): PageState {
  if (isMarked(struct)) return 'handed-over';
  const type = struct.readUInt32LE(PAGE_TYPE) >>> 24;
  // A tail page of a larger allocation has no references of its own.
  const tail = (struct.readUInt32LE(COMPOUND_HEAD) & 1) !== 0;
  return struct.readUInt32LE(REFCOUNT) === 0 && !tail && (type === NO_TYPE || type === BUDDY) ? 'free' : 'in-use';
}
