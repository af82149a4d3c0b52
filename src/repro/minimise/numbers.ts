// SPDX-License-Identifier: Apache-2.0
// Makes the numbers of a scenario smaller: counts, repeats, sizes, memory, processors.
import { at, type Data, type Path, pathsOf, textOf, withValue } from './data.js';
import { numberOf, type NumberRule, sizeText } from './rules.js';
import type { Search } from './search/search.js';
import { smallest } from './search/smallest.js';

/** If more values than this have the same rule, they only change together. */
const MAX_ALONE = 8;

/** All numbers of the rules at their smallest, in one candidate. */
export async function smallestAtOnce(search: Search, rules: readonly NumberRule[]): Promise<void> {
  const candidate = rules.reduce(
    (data, rule) => atMost(data, rule, valueAt(rule, 0), pathsFor(rule, data)),
    search.data,
  );
  if (textOf(candidate) !== textOf(search.data)) await search.takeFirst([candidate]);
}

export async function smallestNumber(search: Search, rule: NumberRule, jobs: number): Promise<void> {
  const paths = pathsFor(rule, search.data);
  await smallestOf(search, rule, paths, jobs);
  // They cannot all get smaller, but perhaps some of them can.
  if (paths.length < 2 || paths.length > MAX_ALONE) return;
  for (const path of paths) await smallestOf(search, rule, [path], jobs);
}

/** The values of all these paths become one value, the smallest that still fails. */
async function smallestOf(search: Search, rule: NumberRule, paths: readonly Path[], jobs: number): Promise<void> {
  const base = search.data;
  const largest = Math.max(0, ...paths.map((path) => valueOf(base, rule, path)));
  const size = sizeOf(rule, largest);
  if (size <= 1) return;
  await smallest(
    size,
    (numbers) => search.takeFirst(numbers.map((number) => atMost(base, rule, valueAt(rule, number), paths))),
    jobs,
  );
}

/** How many values there are to try, with the present one. */
function sizeOf({ values }: NumberRule, largest: number): number {
  return 'step' in values ? Math.ceil(largest / values.step) : values.filter((value) => value < largest).length + 1;
}

function valueAt({ values }: NumberRule, number: number): number {
  return 'step' in values ? (number + 1) * values.step : (values[number] as number);
}

function valueOf(data: Data, rule: NumberRule, path: Path): number {
  return numberOf(at(data, path)) ?? rule.default ?? 0;
}

function pathsFor({ patterns }: NumberRule, data: Data): Path[] {
  return patterns.flatMap((pattern) =>
    pattern.startsWith('machine.') ? [pattern.split('.')] : pathsOf(data, pattern),
  );
}

/** A copy in which every larger value becomes `value`. */
function atMost(data: Data, rule: NumberRule, value: number, paths: readonly Path[]): Data {
  return paths
    .filter((path) => valueOf(data, rule, path) > value)
    .reduce((smaller, path) => withValue(smaller, path, rule.unit === 'bytes' ? sizeText(value) : value), data);
}

/** Numbers of a scenario, and the scenario with the next smaller one. */
export function nextSmaller(data: Data, rule: NumberRule): { path: Path; value: number; smaller: Data; to: number }[] {
  return pathsFor(rule, data).flatMap((path) => {
    const value = valueOf(data, rule, path);
    const to = sizeOf(rule, value) < 2 ? null : valueAt(rule, sizeOf(rule, value) - 2);
    return to === null ? [] : [{ path, value, to, smaller: atMost(data, rule, to, [path]) }];
  });
}
