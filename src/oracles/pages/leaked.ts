// SPDX-License-Identifier: Apache-2.0
import type { KhopPages } from './khop.js';

/** Pages that are kept by their number: 16 GiB. */
export const MOST_LEAKED = 2 ** 22;

/** Every physical page of marked runs, at most `most`: a mark may claim more pages than there are. */
export function pagesOf(found: readonly KhopPages[], most: number): number[] {
  const pages: number[] = [];
  for (const { pfn, order } of found) for (let i = 0; i < 2 ** order && pages.length < most; i++) pages.push(pfn + i);
  return pages;
}
