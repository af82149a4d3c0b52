// SPDX-License-Identifier: Apache-2.0
// Whether the running kernel was built with a checker.
import type { Needs } from '../engine/parts.js';
import { addressOf } from '../machine/symbols.js';

/** Something that only a kernel with the checker has. */
const SYMBOLS = { kmemleak: 'kmemleak_alloc', pageOwner: '__set_page_owner' } as const;

/** Null if the kernel has no System.map: then only the kernel itself can say. */
export function hasChecker(
  { plan, recorder }: Needs<'plan' | 'recorder'>,
  checker: keyof typeof SYMBOLS,
): boolean | null {
  const image = plan.kernels[recorder.epoch];
  if (image?.systemMap == null) return null;
  return addressOf(image, SYMBOLS[checker]) !== null;
}
