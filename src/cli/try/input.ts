// SPDX-License-Identifier: Apache-2.0
// What `lab try` is asked to try: the series, the kernel under it, and the scenarios for what it changes.
import { join } from 'node:path';
import { ruleFor, type TrustOption } from '../../host/trust.js';
import { definedKernels, type Extent } from '../../images/index.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { extentOf } from '../../perform/extent.js';
import { loadScenario } from '../../scenario/index.js';
import { type Choice, choose } from '../../series/choose/choose.js';
import { type Commits, readGit } from '../../series/read/git.js';
import { readFiles } from '../../series/read/read.js';
import type { Series } from '../../series/series.js';
import { UsageError } from '../../util/errors.js';
import { packageRoot } from '../../util/package-root.js';
import { kernelProblem } from '../run/check-kernels.js';

export interface InputOptions extends TrustOption {
  git?: string;
  base?: string;
  scenario?: string[];
}

export interface Input {
  series: Series;
  /** Where it was read, as the user typed it. */
  from: string;
  /** A short name for kernels and matrices. */
  name: string;
  /** Name or path of the kernel under the series. */
  base: string;
  /** Set if the kernels are built from commits. */
  commits: Commits | null;
  choice: Choice;
  /** Paths of files that run as they are. */
  scenarios: string[];
  extent: Extent;
}

export async function readInput(what: string, options: InputOptions, signal: AbortSignal): Promise<Input> {
  const git = options.git === undefined ? null : await readGit(options.git, what, signal);
  const series = git?.series ?? readFiles(what);
  const choice = choose(series.patches.flatMap(({ files }) => files));
  const scenarios = [...choice.scenarios.map(shipped), ...(options.scenario ?? [])];
  const loaded: Scenario[] = [];
  for (const file of scenarios) loaded.push(await loadScenario(file, { kernelProblem, rule: ruleFor(file, options) }));
  const odd = loaded.find(({ kernels }) => kernels.length !== 2);
  if (odd !== undefined)
    throw new UsageError(`${odd.file} is written for ${odd.kernels.length} kernels, and a series is tried on pairs`);
  // Upstream's tests are programs, which may need anything.
  const full = choice.selftests.length > 0 || loaded.some((scenario) => extentOf(scenario) === 'full');
  return {
    series,
    from: git === null ? what : `${what} of ${options.git}`,
    name: shortName(series.title),
    base: options.base ?? newestKernel(),
    commits: options.base === undefined ? (git?.commits ?? null) : null,
    choice,
    scenarios,
    extent: full ? 'full' : 'core',
  };
}

export const shipped = (name: string): string => join(packageRoot(), 'scenarios', `${name}.yaml`);

/** The newest release that the lab defines. Candidates and variants of a release have other names. */
function newestKernel(): string {
  const releases = definedKernels().filter((name) => /^\d+\.\d+\.\d+$/.test(name));
  const newest = releases.at(-1);
  if (newest === undefined) throw new UsageError('the lab defines no release; name a kernel with --base');
  return newest;
}

const MAX_NAME = 32;

/** `version-6-of-the-luo-state` */
function shortName(title: string): string {
  const words = title
    .toLowerCase()
    .replace(/^[\w/, -]{1,40}: /, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return words.slice(0, MAX_NAME).replace(/-+$/, '') || 'series';
}
