// SPDX-License-Identifier: Apache-2.0
// A run to repeat: its result, its scenario and its kernels, read from its folder or from an unpacked bundle.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import type { Result } from '../../model/result/result.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { parseScenario } from '../../scenario/index.js';
import { readText } from '../../scenario/source/read-text.js';
import { UsageError } from '../../util/errors.js';
import { recipesOf } from './recipe.js';
import type { RecordedKernel } from './exact-kernel.js';

export interface Subject {
  result: Result;
  /** The YAML of its scenario. */
  text: string;
  /** The path that the YAML counts as: relative paths in it start there. */
  file: string;
  /** One for each epoch. */
  kernels: RecordedKernel[];
}

/** What to change against the run. */
export interface Changes {
  from?: string | undefined;
  to?: string | undefined;
  /** Words to add to the command line of the first kernel. */
  cmdlineFrom?: string | undefined;
  /** Words to add to the command line of the last kernel. */
  cmdlineTo?: string | undefined;
  /** As in a scenario: `2GiB`. */
  memory?: string | undefined;
  /** Seconds. */
  timeout?: number | undefined;
}

/**
 * Throws a UsageError if the run cannot be repeated.
 * @param bundled finds a kernel of the bundle by its SHA-256; null if the run is not from a bundle
 */
export async function subjectOf(
  folder: string,
  result: Result,
  bundled: ((sha256: string) => RecordedKernel['files']) | null,
): Promise<Subject> {
  if (result.kernels.length < 1) throw new UsageError('this run names no kernel');
  const recipes = recipesOf(folder);
  const own = join(folder, 'scenario.yaml');
  return {
    result,
    text: await readText(own),
    // Paths of uploads are relative to the original file. For a bundle that file is on another host.
    file: bundled === null && existsSync(result.scenario.file) ? result.scenario.file : own,
    kernels: result.kernels.map(({ name, sha256 }) => ({
      name,
      sha256,
      recipe: recipes.get(name) ?? null,
      files: bundled?.(sha256) ?? null,
    })),
  };
}

/** The scenario of the run with the changes. Throws a ScenarioError if a change is not possible. */
export function scenarioOf(
  { text, file, result }: Subject,
  changes: Changes,
  kernelProblem: (name: string) => string | null,
): Scenario {
  const names = result.kernels.map(({ name }) => name);
  const kernels = [
    changes.from ?? (names[0] as string),
    ...names.slice(1, -1),
    ...(names.length > 1 ? [changes.to ?? (names.at(-1) as string)] : []),
  ];
  // The kernels of the run are found by their content, so their names need not be known here.
  const scenario = parseScenario(changedText(text, changes), file, {
    kernels,
    timeout: changes.timeout,
    kernelProblem: (name) => (names.includes(name) ? null : kernelProblem(name)),
  });
  // A scenario without a name is called after its file, which has another name in the run's folder.
  return { ...scenario, name: result.scenario.name, file: result.scenario.file };
}

function changedText(text: string, { cmdlineFrom, cmdlineTo, memory }: Changes): string {
  if (cmdlineFrom === undefined && cmdlineTo === undefined && memory === undefined) return text;
  const document = parseDocument(text);
  const append = (key: 'from' | 'to', words: string | undefined) => {
    if (words === undefined) return;
    const before = document.getIn(['cmdline', key]);
    document.setIn(['cmdline', key], typeof before === 'string' ? `${before} ${words}` : words);
  };
  append('from', cmdlineFrom);
  append('to', cmdlineTo);
  if (memory !== undefined) document.setIn(['machine', 'memory'], memory);
  return document.toString();
}
