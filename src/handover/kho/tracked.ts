// SPDX-License-Identifier: Apache-2.0
// Counts the pages that a kernel preserves for the next one: all areas in the map of preserved memory.
import { preservedAreas } from './areas.js';
import type { Walk } from '../memory/source.js';

/** In pages of 4096 bytes. Throws HandoverError if the map is missing or invalid. */
export function trackedPages(walk: Walk): number {
  let pages = 0;
  for (const { order } of preservedAreas(walk)) pages += 2 ** order;
  return pages;
}
