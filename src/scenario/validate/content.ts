// SPDX-License-Identifier: Apache-2.0
// Checks the content and traits of memfds and objects.
import type { MemfdFlag } from '../../model/scenario/file-steps.js';
import type { MemfdSpec, ObjectSpec, PageRange } from '../../model/scenario/scenario.js';
import type { Path } from '../source/document.js';
import { PAGE } from '../schema/limits.js';
import type { Problems } from '../source/problems.js';

/**
 * Checks a memfd.
 * @param path the mapping with `holes`
 */
export function checkMemfd(memfd: MemfdSpec, path: Path, problems: Problems): void {
  const pages = Math.ceil(memfd.size / PAGE);
  const taken: PageRange[] = [];
  for (const [index, hole] of memfd.holes.entries()) {
    const at = [...path, 'holes', index];
    if (hole.first + hole.count > pages) {
      problems.add(
        at,
        `expected pages below ${pages}, because the file has ${pages}; found ${hole.first}+${hole.count}`,
      );
    } else if (taken.some((other) => hole.first < other.first + other.count && other.first < hole.first + hole.count)) {
      problems.add(at, `the hole ${hole.first}+${hole.count} overlaps another one`);
    }
    taken.push(hole);
  }
  const flags = memfd.flags ?? [];
  const again = flags.findIndex((flag, index) => flags.indexOf(flag) !== index);
  if (again >= 0) problems.add([...path, 'flags', again], `the flag ${flags[again]} is listed twice`);
  const twice = memfd.seals.findIndex((seal, index) => memfd.seals.indexOf(seal) !== index);
  if (twice >= 0) problems.add([...path, 'seals', twice], `the seal ${memfd.seals[twice]} is listed twice`);
}

/** Without flags, the key is missing, so that the memfd looks the same as in older labs. */
export function flagsOf(flags: MemfdFlag[]): Pick<MemfdSpec, 'flags'> {
  return flags.length > 0 ? { flags } : {};
}

/**
 * @param path the mapping with the object's parts
 * @param key the key with the size of its pages
 */
export function checkObject({ size }: ObjectSpec, path: Path, key: string, problems: Problems): void {
  if (size === 0 || size % PAGE !== 0)
    problems.add([...path, key], `expected a multiple of ${PAGE} bytes, found ${size} bytes`);
}
