// SPDX-License-Identifier: Apache-2.0
// Many calls that were written out become a repeat, so that people can read what is left.
import { fold, type StepText } from '../../scenario/steps/fold.js';
import type { Data } from './data.js';
import { subjectsOf } from './subjects.js';

/** Candidates with fewer steps, the shortest first. A repeat counts from 1, so numbers may have to change. */
export function foldedForms(data: Data): Data[] {
  const { steps } = data;
  if (!Array.isArray(steps)) return [];
  const own: readonly unknown[] = steps;
  return [own, renumbered(own)]
    .map((each) => fold(each as (string | StepText)[]))
    .filter((each) => each.length < own.length)
    .sort((a, b) => a.length - b.length)
    .map((each) => ({ ...data, steps: each }));
}

/** Subjects whose names end in a number get the numbers 1, 2, 3 in the order in which they are made. */
function renumbered(steps: readonly unknown[]): unknown[] {
  const counts = new Map<string, number>();
  const names = new Map<string, string>();
  for (const name of subjectsOf(steps)) {
    const stem = /^(.*?)\d+$/.exec(name)?.[1];
    if (stem === undefined || name.includes('{')) continue;
    const number = (counts.get(stem) ?? 0) + 1;
    counts.set(stem, number);
    names.set(name, `${stem}${number}`);
  }
  return steps.map((step) => renamed(step, names));
}

function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') return names.get(value) ?? value;
  if (Array.isArray(value)) return value.map((each) => renamed(each, names));
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, renamed(each, names)]))
    : value;
}
