// SPDX-License-Identifier: Apache-2.0
// Finds the scenario files that a plan selects, and reads each once.
import { readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { ruleFor, type TrustOption } from '../host/trust.js';
import type { HostRule } from '../model/scenario/host-use.js';
import type { Plan, Selection } from '../model/scenario/plan.js';
import type { Scenario } from '../model/scenario/scenario.js';
import { loadScenario, ScenarioError } from '../scenario/index.js';
import { packageRoot } from '../util/package-root.js';

export interface Selected {
  /** Path of the cell: relative to the lab's folder if the file is in there, else absolute. */
  path: string;
  /** The scenario with the kernels that it names itself. */
  own: Scenario;
  /** What the scenario may use of this host; null if it is trusted. */
  rule: HostRule | null;
  selection: Selection;
}

/** Folders among the scenarios that hold other files. */
const NO_SCENARIOS = ['profiles', 'matrix', 'fuzz'];

/** The path of a file in a matrix: the same on every host that has the lab. */
export function labPath(file: string): string {
  const inside = relative(packageRoot(), resolve(file));
  return inside.startsWith('..') ? resolve(file) : inside;
}

/** The file of this host for a path of a matrix. */
export function fileOf(path: string): string {
  return resolve(packageRoot(), path);
}

/** Throws a ScenarioError for an invalid scenario, and for a selection that matches no scenario. */
export async function selectScenarios(
  plan: Plan,
  kernelProblem: (name: string) => string | null,
  options: TrustOption,
): Promise<Selected[]> {
  const read = new Map<string, Promise<Scenario>>();
  const scenario = (file: string) => {
    const known = read.get(file) ?? loadScenario(file, { kernelProblem, rule: ruleFor(file, options) });
    read.set(file, known);
    return known;
  };
  const selected: Selected[] = [];
  for (const selection of plan.selections) {
    const files = selection.kind === 'file' ? [selection.path] : scenariosIn(selection.path);
    const before = selected.length;
    for (const file of files) {
      const own = await scenario(file);
      const has = (tag: string) => own.tags.includes(tag);
      if (selection.tags.every(has) && !selection.without.some(has))
        selected.push({ path: labPath(file), own, rule: ruleFor(file, options), selection });
    }
    if (selected.length === before) {
      throw new ScenarioError(
        [
          {
            file: plan.file,
            line: selection.line,
            column: 1,
            message: 'this selects no scenario',
            hint: tagsHint(await Promise.all(files.map(scenario))),
          },
        ],
        plan.source,
      );
    }
  }
  return selected;
}

function scenariosIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(
      (name) => /\.ya?ml$/.test(name) && !NO_SCENARIOS.some((other) => name.split('/').slice(0, -1).includes(other)),
    )
    .sort()
    .map((name) => join(folder, name));
}

function tagsHint(scenarios: readonly Scenario[]): string {
  const tags = [...new Set(scenarios.flatMap(({ tags: own }) => own))].sort();
  return tags.length === 0 ? 'there is no scenario' : `tags there: ${tags.slice(0, 30).join(', ')}`;
}
