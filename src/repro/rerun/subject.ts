// SPDX-License-Identifier: Apache-2.0
// A run to repeat: its result, its scenario and its kernels, read from its folder or from an unpacked bundle.
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseDocument } from 'yaml';
import { ruleWithin, shipsWithLab, type TrustOption } from '../../host/trust.js';
import { nameProblem } from '../../images/index.js';
import { kernelLabel } from '../../model/kernel/label.js';
import type { HostRule } from '../../model/scenario/host-use.js';
import type { Result } from '../../model/result/result.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { parseScenario, ScenarioError } from '../../scenario/index.js';
import { shown } from '../../scenario/source/problem.js';
import { readText } from '../../scenario/source/read-text.js';
import { type Origin, readSeal } from '../../store/run/seal.js';
import { isPlainName } from '../../trust/index.js';
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
  /** What it may use of this host; null if it is trusted. */
  rule: HostRule | null;
}

export interface SubjectOptions extends TrustOption {
  /** Finds a kernel of the bundle by its SHA-256; null if the run is not from a bundle. */
  bundled: ((sha256: string) => RecordedKernel['files']) | null;
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
  /** Counted instructions and a seed: each run is the same as far as possible. */
  same?: boolean | undefined;
  /** Seconds. */
  timeout?: number | undefined;
}

/**
 * Throws a UsageError if the run cannot be repeated. What a run says about itself counts only if this lab wrote it, or
 * if the user trusts it.
 */
export async function subjectOf(folder: string, result: Result, { bundled, trust }: SubjectOptions): Promise<Subject> {
  if (result.kernels.length < 1) throw new UsageError('this run names no kernel');
  const recipes = recipesOf(folder);
  const own = join(folder, 'scenario.yaml');
  const text = await readText(own);
  const origin = bundled === null ? readSeal(folder, { result, text }) : null;
  const kernels = result.kernels.map(({ name, sha256 }) => {
    const files = bundled?.(sha256) ?? null;
    const given = files === null || trust ? name : nameInBundle(name, sha256);
    return { name: given, sha256, recipe: recipes.get(name) ?? null, files };
  });
  if (!trust && origin === null) refuseKernelPaths(folder, kernels);
  const file = originalFile(own, result, bundled === null ? { origin, trust } : null);
  const rule = trust || origin?.provenance === 'trusted' ? null : ruleWithin(dirname(file));
  return { result, text, file, kernels, rule };
}

/** Uploads are relative to the original file. A bundle's is on another host, and a stranger's word does not count. */
function originalFile(
  own: string,
  { scenario: { file } }: Result,
  ofHost: ({ origin: Origin | null } & TrustOption) | null,
): string {
  if (ofHost === null) return own;
  if (ofHost.origin !== null) return join(ofHost.origin.folder, basename(file));
  return (ofHost.trust && existsSync(file)) || shipsWithLab(file) ? file : own;
}

/** A bundle that has the kernel itself needs no path of this host. No kernel of this lab is called so. */
function nameInBundle(name: string, sha256: string): string {
  return isPlainName(name) ? name : `${basename(kernelLabel(name))}-${sha256.slice(0, 12)}`;
}

/** A kernel of the run is found by its content. If it is gone, its name is looked up, and must not be a path then. */
function refuseKernelPaths(folder: string, kernels: readonly RecordedKernel[]): void {
  const paths = kernels.filter(({ name }) => !isPlainName(name) && nameProblem(name) !== null);
  if (paths.length > 0)
    throw new ScenarioError(
      paths.map(({ name }) => ({
        file: join(folder, 'result.json'),
        line: 0,
        column: 0,
        message: `this is not trusted and would use a kernel at a path of this host: ${shown(name)}`,
        hint: '--trust, if you know who made it, lets it use any kernel of this host',
      })),
    );
}

/** The scenario of the run with the changes. Throws a ScenarioError if a change is not possible. */
export function scenarioOf(
  { text, file, result, rule, kernels: recorded }: Subject,
  changes: Changes,
  kernelProblem: (name: string) => string | null,
): Scenario {
  const names = recorded.map(({ name }) => name);
  const kernels = [
    changes.from ?? (names[0] as string),
    ...names.slice(1, -1),
    ...(names.length > 1 ? [changes.to ?? (names.at(-1) as string)] : []),
  ];
  // The kernels of the run are found by their content, so their names need not be known here.
  const scenario = parseScenario(changedText(text, changes), file, {
    kernels,
    timeout: changes.timeout,
    rule,
    kernelProblem: (name) => (names.includes(name) ? null : kernelProblem(name)),
  });
  // A scenario without a name is called after its file, which has another name in the run's folder.
  return { ...scenario, name: result.scenario.name, file: result.scenario.file };
}

/** Of a scenario that has none. */
const SEED = 1;

function changedText(text: string, { cmdlineFrom, cmdlineTo, memory, same }: Changes): string {
  if (cmdlineFrom === undefined && cmdlineTo === undefined && memory === undefined && same !== true) return text;
  const document = parseDocument(text);
  const append = (key: 'from' | 'to', words: string | undefined) => {
    if (words === undefined) return;
    const before = document.getIn(['cmdline', key]);
    document.setIn(['cmdline', key], typeof before === 'string' ? `${before} ${words}` : words);
  };
  append('from', cmdlineFrom);
  append('to', cmdlineTo);
  if (memory !== undefined) document.setIn(['machine', 'memory'], memory);
  if (same === true) {
    document.setIn(['machine', 'icount'], true);
    document.setIn(['machine', 'seed'], document.getIn(['machine', 'seed']) ?? SEED);
  }
  return document.toString();
}
