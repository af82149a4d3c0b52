// SPDX-License-Identifier: Apache-2.0
// Settings that an administrator may give to every kernel (Documentation/admin-guide/kernel-parameters.txt), alone and
// together. Each combination needs a boot of its own, so there are few, and most sequences have none.

const NONE = '';

/** Memory that is freed, or handed out, loses its content, and its state is checked: what is used too late shows. */
const FREED = [NONE, 'init_on_free=1', 'init_on_free=1 init_on_alloc=1 page_alloc.shuffle=1'];
/** Sizes of the scratch areas: whole blocks of pages, and others. */
const SCRATCH = [
  NONE,
  NONE,
  'kho_scratch=64M,192M,16M',
  'kho_scratch=65M,193M,17M',
  'kho_scratch=65540K,196612K,16388K',
];
const PROCESSORS = [NONE, NONE, 'maxcpus=1'];
const SETTINGS: readonly (readonly string[])[] = [FREED, SCRATCH, PROCESSORS];
/** One sequence of this many has settings. */
const RARE = 3;

/** @param number any number */
export function cmdlineOf(number: number): string {
  if (number % RARE !== 0) return NONE;
  let rest = Math.floor(number / RARE);
  const chosen = SETTINGS.map((choices) => {
    const setting = choices[rest % choices.length] ?? NONE;
    rest = Math.floor(rest / choices.length);
    return setting;
  });
  return chosen.filter((setting) => setting !== NONE).join(' ');
}
