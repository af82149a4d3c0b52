// SPDX-License-Identifier: Apache-2.0
// A run that is to be made again: how it ended, its scenario, its kernels; from its folder, or from a bundle that was
// unpacked.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import type { Result } from '../../model/result/result.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { parseScenario } from '../../scenario/index.js';
import { readText } from '../../scenario/parse.js';
import { UsageError } from '../../util/errors.js';
import { recipesOf } from './recipe.js';
import type { RecordedKernel } from './same-kernel.js';

export interface Subject {
  result: Result;
  /** Its scenario's YAML, and the file that it is read as. */
  text: string;
  file: string;
  /** One an epoch. */
  kernels: RecordedKernel[];
}

/** One thing that is to be another than in the run. */
export interface Changes {
  from?: string | undefined;
  to?: string | undefined;
  /** Words for the kernel command line of the first and of the last kernel. */
  cmdlineFrom?: string | undefined;
  cmdlineTo?: string | undefined;
  /** As in a scenario: `2GiB`. */
  memory?: string | undefined;
  /** Seconds. */
  timeout?: number | undefined;
}

/**
 * @param bundled a bundle's kernel by its SHA-256; null where the run is no bundle's. Throws a UsageError where the run
 * cannot be made again.
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
    // What it uploads is named relative to where it stood, which for a bundle is another host.
    file: bundled === null && existsSync(result.scenario.file) ? result.scenario.file : own,
    kernels: result.kernels.map(({ name, sha256 }) => ({
      name,
      sha256,
      recipe: recipes.get(name) ?? null,
      files: bundled?.(sha256) ?? null,
    })),
  };
}

/** The scenario as it ran, with what is to be changed. Throws a ScenarioError where that cannot be. */
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
  // Of kernels that are taken by their content nobody asks whether their name is known.
  const scenario = parseScenario(changedText(text, changes), file, {
    kernels,
    timeout: changes.timeout,
    kernelProblem: (name) => (names.includes(name) ? null : kernelProblem(name)),
  });
  // Without a name of its own it is called after its file, which in a run's folder is another.
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
