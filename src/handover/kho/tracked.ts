// SPDX-License-Identifier: Apache-2.0
// How many pages a kernel has set aside for the next one: all areas of the map of the preserved memory.
import { preservedAreas } from './areas.js';
import type { Walk } from '../source.js';

/** Pages of 4096 bytes. Throws HandoverError where the map is not there or not sound. */
export function trackedPages(walk: Walk): number {
  let pages = 0;
  for (const { order } of preservedAreas(walk)) pages += 2 ** order;
  return pages;
}
