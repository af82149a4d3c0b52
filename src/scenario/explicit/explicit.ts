// SPDX-License-Identifier: Apache-2.0
// The explicit form: translates each step into an action, and unrolls the repeats.
import { dirname } from 'node:path';
import type { Action } from '../../model/scenario/scenario.js';
import { LIMITS } from '../schema/limits.js';
import type { RepeatInput, StepInput } from '../schema/steps.js';
import type { Problems } from '../source/problems.js';
import type { StepList } from '../steps/step-list.js';
import { callOf } from './clients.js';
import type { Site } from './site.js';
import { TRANSLATE } from './translate.js';

/** What the step must answer. A command that fails is no matter of the kernel, but never what was asked for. */
function demandOf({ op }: Action, value: unknown, { accepts }: ReturnType<typeof callOf>): string | null {
  return errnoOf(value) ?? (op === 'exec' && accepts === undefined ? 'OK' : null);
}

function errnoOf(value: unknown): string | null {
  return typeof value === 'object' && value !== null && 'errno' in value && typeof value.errno === 'string'
    ? value.errno
    : null;
}

function expandRepeat(repeat: RepeatInput, site: Site, out: StepList): void {
  const path = [...site.path, 'steps'];
  if (site.numbers.has(repeat.as))
    site.problems.add(
      [...site.path, 'as'],
      `{${repeat.as}} is already used by an outer repeat`,
      'choose another name with as',
    );
  for (let number = 1; number <= repeat.count; number++) {
    expandAll(repeat.steps, { ...site, path, numbers: new Map(site.numbers).set(repeat.as, number) }, out);
    // All rounds would repeat the problems of the first one.
    if (!site.problems.empty) return;
  }
}

function expandAll(steps: readonly StepInput[], site: Site, out: StepList): void {
  for (const [index, step] of steps.entries()) {
    const path = [...site.path, index];
    if (typeof step === 'string') {
      out.add(TRANSLATE[step](true, site)!, path);
      continue;
    }
    const keys = Object.keys(step) as (keyof typeof step)[];
    const key = keys[0];
    if (key === undefined || keys.length !== 1) {
      site.problems.add(
        path,
        `expected one operation for each step, found ${keys.length === 0 ? 'none' : keys.join(' and ')}`,
      );
    } else if (key === 'repeat') {
      expandRepeat(step.repeat!, { ...site, path: [...path, 'repeat'] }, out);
    } else {
      const translate = TRANSLATE[key] as (value: unknown, site: Site) => Action | null;
      const action = translate(step[key], { ...site, path: [...path, key] });
      const call = callOf(step[key], site.numbers);
      if (Number.isNaN(call.fail))
        site.problems.add(
          [...path, key, 'fail'],
          'there is no repeat with this number',
          'values come from repeat: its number is {i}, or as its key `as` says',
        );
      if (action) out.add(action, [...path, key], demandOf(action, step[key], call), call);
    }
  }
}

/** Counts the steps before making them. An empty repeat still takes time, so it counts as one step in each round. */
function countSteps(steps: readonly StepInput[]): number {
  return steps.reduce(
    (sum, step) =>
      sum +
      (typeof step === 'object' && step.repeat ? step.repeat.count * Math.max(1, countSteps(step.repeat.steps)) : 1),
    0,
  );
}

/** Adds the steps of the explicit form to the list. */
export function expandSteps(steps: readonly StepInput[], file: string, out: StepList, problems: Problems): void {
  const total = countSteps(steps);
  if (total > LIMITS.steps) {
    problems.add(['steps'], `expected at most ${LIMITS.steps} steps in all, found ${total}`, null, 'key');
    return;
  }
  expandAll(steps, { path: ['steps'], numbers: new Map(), problems, folder: dirname(file) }, out);
}
