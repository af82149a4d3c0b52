// SPDX-License-Identifier: Apache-2.0
import type { KhopPages } from './khop.js';

/** The most pages that are listed by number: 16 GiB. */
export const MAX_LEAKED = 2 ** 22;

/** Lists every physical page of marked ranges, at most `max`: a mark may claim more pages than the machine has. */
export function pagesOf(found: readonly KhopPages[], max: number): number[] {
  const pages: number[] = [];
  for (const { pfn, order } of found) for (let i = 0; i < 2 ** order && pages.length < max; i++) pages.push(pfn + i);
  return pages;
}
