// SPDX-License-Identifier: Apache-2.0
// Settings that an administrator may give to every kernel (Documentation/admin-guide/kernel-parameters.txt). Each needs
// a boot of its own, so there are few, and most sequences have none.

const NONE = '';

/** Memory that is freed, or handed out, loses its content: what is used too late shows. */
const FREED = ['init_on_free=1', 'init_on_alloc=1 page_alloc.shuffle=1'];
/** Sizes of the scratch areas: whole blocks of pages, and others. */
const SCRATCH = ['kho_scratch=64M,192M,16M', 'kho_scratch=65M,193M,17M'];

const CMDLINES: readonly string[] = [...FREED, ...SCRATCH, 'maxcpus=1'];
/** One sequence of this many has a setting. */
const RARE = 5;

/** @param number any number */
export function cmdlineOf(number: number): string {
  if (number % RARE !== 0) return NONE;
  return CMDLINES[Math.floor(number / RARE) % CMDLINES.length] ?? NONE;
}
