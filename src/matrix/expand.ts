// SPDX-License-Identifier: Apache-2.0
// Expands a plan to its cells: each selected scenario on its kernels, with its repeats.
import { createHash } from 'node:crypto';
import type { Cell } from '../model/result/matrix.js';
import type { Exclude, Plan, Selection } from '../model/scenario/plan.js';
import type { Scenario } from '../model/scenario/scenario.js';
import { parseScenario, ScenarioError, type ScenarioOverrides } from '../scenario/index.js';
import { glob } from '../util/text/glob.js';
import type { Selected } from './select.js';

/** One scenario on its kernels with its repeats, before the expected outcome is known. */
export interface PlannedPair {
  path: string;
  scenario: Scenario;
  /** True if these are the kernels that the scenario names itself. */
  own: boolean;
  repeats: number;
}

const MAX_CELLS = 100_000;

export interface Expanded {
  pairs: PlannedPair[];
  /** Why combinations were left out, and how many. */
  leftOut: { why: string; count: number }[];
}

/** Throws a ScenarioError if a scenario cannot run on kernels of the plan, or if there are too many cells. */
export function expandPlan(
  plan: Plan,
  selected: readonly Selected[],
  kernelProblem: (name: string) => string | null,
): Expanded {
  const pairs = new Map<string, PlannedPair>();
  const leftOut = new Map<string, number>();
  const skip = (why: string) => void leftOut.set(why, (leftOut.get(why) ?? 0) + 1);
  const excluded = excluder(plan.excludes);
  let cells = 0;
  for (const { path, own, rule, selection } of selected) {
    for (const kernels of chainsOf(selection.kernels, own, plan)) {
      const pair = {
        path,
        own: kernels.length === own.kernels.length && kernels.every((name, index) => name === own.kernels[index]),
        repeats: selection.repeats,
      };
      if (excluded(path, own.tags, kernels)) {
        skip('excluded by the plan');
        continue;
      }
      const scenario = onKernels(own, kernels, plan, { kernelProblem, rule });
      if (scenario === null) {
        skip(`its steps are for ${own.kernels.length} kernels, not for ${kernels.length}`);
        continue;
      }
      const key = JSON.stringify([path, ...kernels]);
      const known = pairs.get(key);
      cells += Math.max(0, pair.repeats - (known?.repeats ?? 0));
      if (cells > MAX_CELLS)
        throw new ScenarioError([
          {
            file: plan.file,
            line: 0,
            column: 0,
            message: `expected at most ${MAX_CELLS} cells`,
            hint: 'use fewer kernels, scenarios or repeats',
          },
        ]);
      pairs.set(key, { ...pair, scenario, repeats: Math.max(pair.repeats, known?.repeats ?? 0) });
    }
  }
  if (pairs.size === 0)
    throw new ScenarioError([
      { file: plan.file, line: 0, column: 0, message: 'the plan has no cell', hint: [...leftOut.keys()][0] ?? null },
    ]);
  return { pairs: [...pairs.values()], leftOut: [...leftOut].map(([why, count]) => ({ why, count })) };
}

function chainsOf(choice: Selection['kernels'], own: Scenario, { chains }: Plan): readonly string[][] {
  if (choice === 'own') return [own.kernels];
  return choice === 'plan' ? chains : choice;
}

/** Null if its steps are written for another number of kernels. */
function onKernels(
  own: Scenario,
  kernels: readonly string[],
  { limits }: Plan,
  { kernelProblem, rule }: Pick<ScenarioOverrides, 'kernelProblem' | 'rule'>,
): Scenario | null {
  try {
    return parseScenario(own.source, own.file, {
      kernels,
      kernelProblem,
      rule,
      ...(limits.timeout === null ? {} : { timeout: limits.timeout }),
    });
  } catch (error) {
    if (error instanceof ScenarioError && kernels.length !== own.kernels.length) return null;
    throw error;
  }
}

function excluder(
  excludes: readonly Exclude[],
): (path: string, tags: readonly string[], kernels: readonly string[]) => boolean {
  const rules = excludes.map(({ scenario, from, to, tag }) => ({
    // The pattern matches the end of a path: "places/*" matches in any folder places/.
    scenario: scenario === null ? null : glob(`**/${scenario.replace(/\.ya?ml$/, '')}`, '/'),
    from: from === null ? null : glob(from, '-'),
    to: to === null ? null : glob(to, '-'),
    tag,
  }));
  return (path, tags, kernels) =>
    rules.some(
      ({ scenario, from, to, tag }) =>
        (scenario?.(`/${path.replace(/\.ya?ml$/, '')}`) ?? true) &&
        (from?.(kernels[0] ?? '') ?? true) &&
        (to?.(kernels.at(-1) ?? '') ?? true) &&
        (tag === null || tags.includes(tag)),
    );
}

/** The id is the same on every host and every night. */
export function cellId(path: string, kernels: readonly string[], repeat: number): string {
  const words = [
    path.replace(/^.*\//, '').replace(/\.ya?ml$/, ''),
    ...kernels.map((name) => name.replace(/^.*\//, '')),
  ];
  const readable = words
    .map((word) => word.replace(/[^A-Za-z0-9._]+/g, '_').slice(0, 40))
    .join('-')
    .slice(0, 150);
  return `${readable}-${repeat}-${createHash('sha256')
    .update(JSON.stringify([path, kernels, repeat]))
    .digest('hex')
    .slice(0, 8)}`;
}

export function cellsOf({ path, scenario, repeats }: PlannedPair, expected: Cell['expected']): Cell[] {
  return Array.from({ length: repeats }, (_, index) => ({
    id: cellId(path, scenario.kernels, index + 1),
    scenario: path,
    tags: scenario.tags,
    kernels: scenario.kernels,
    repeat: index + 1,
    expected,
  }));
}
