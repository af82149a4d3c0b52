// SPDX-License-Identifier: Apache-2.0
// Chooses the scenarios that match what a series changes.
import { glob } from '../../util/text/glob.js';
import type { FileDiff } from '../patch/diff.js';
import { ALWAYS, AREAS, DEFAULT, NOT_BUILT, SELFTESTS } from './areas.js';

export interface Choice {
  /** Paths below scenarios/, without the ending. */
  scenarios: string[];
  /** C files that it changes in the folder of upstream's tests, by name. */
  selftests: string[];
  /** Areas that the series changes. */
  areas: string[];
  /** Code that no area has. Then the default set runs. */
  elsewhere: string[];
}

const AREA_MATCHES = AREAS.map((area) => ({ area, matches: anyOf(area.paths) }));
const isNotBuilt = anyOf(NOT_BUILT);

export function choose(files: readonly Pick<FileDiff, 'path' | 'old' | 'isRemoved'>[]): Choice {
  const paths = [...new Set(files.flatMap(({ path, old }) => (old === null || old === path ? [path] : [path, old])))];
  const scenarios = new Set(ALWAYS);
  const areas = new Set<string>();
  const elsewhere: string[] = [];
  for (const path of paths) {
    const found = AREA_MATCHES.filter(({ matches }) => matches(path));
    // `mm/memfd_luo.c` is memory management too, but what goes through memfds shows it.
    const special = found.filter(({ area }) => area.name !== 'memory management');
    for (const { area } of special.length > 0 ? special : found) {
      areas.add(area.name);
      for (const name of area.scenarios) scenarios.add(name);
    }
    if (found.length === 0 && !isNotBuilt(path)) elsewhere.push(path);
  }
  if (elsewhere.length > 0) for (const name of DEFAULT) scenarios.add(name);
  return { scenarios: [...scenarios], selftests: selftestsIn(files), areas: [...areas], elsewhere };
}

/** What a series changes in the folder of the tests: names of its C files there, such as `luo_multi_session`. */
function selftestsIn(files: readonly Pick<FileDiff, 'path' | 'isRemoved'>[]): string[] {
  return [
    ...new Set(
      files.flatMap(({ path, isRemoved }) =>
        path.startsWith(`${SELFTESTS}/`) && /\.[ch]$/.test(path) && !isRemoved
          ? [path.slice(SELFTESTS.length + 1, -2)]
          : [],
      ),
    ),
  ];
}

/** Of the tests that the Makefile of the series has, those to run: all, if a file changes that is no test itself. */
export function changedTests<T extends { name: string }>(listed: readonly T[], changed: readonly string[]): T[] {
  const isShared = changed.some((name) => !listed.some((test) => test.name === name));
  return listed.filter(({ name }) => isShared || changed.includes(name));
}

function anyOf(patterns: readonly string[]): (path: string) => boolean {
  const all = patterns.map((pattern) => glob(pattern, '/'));
  return (path) => all.some((matches) => matches(path));
}
