// SPDX-License-Identifier: Apache-2.0
// The runs that `lab coverage` puts together: kept ones, those of a matrix, and scenarios, which it runs.
import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type CoveredRun, readCoverage } from '../../coverage/index.js';
import { requireMemory } from '../../host/capacity.js';
import { ruleFor } from '../../host/trust.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { Preparation } from '../../perform/prepare.js';
import { loadScenario } from '../../scenario/index.js';
import { findInResults } from '../../store/find.js';
import { readAttempts } from '../../store/matrix/folder.js';
import { interruptible } from '../common/interrupt.js';
import { runSetUp } from '../common/set-up.js';
import { kernelProblem } from '../run/check-kernels.js';
import { runOfHost } from '../run/open-run.js';
import { performStage } from '../run/perform-stage.js';

export interface InputOptions {
  results: string;
  from?: string;
  to?: string;
  timeout?: number;
  trust?: boolean;
}

export interface Inputs {
  runs: CoveredRun[];
  /** Whether a kernel that a run names may be looked up by its name. */
  mayResolve: (kernel: string) => boolean;
  /** Runs that kept no coverage. */
  without: string[];
}

const isFile = (word: string): boolean => statSync(word, { throwIfNoEntry: false })?.isFile() === true;

/** All scenarios are checked before the first one runs. Throws a UsageError for a word that means nothing. */
export async function coveredRuns(words: readonly string[], options: InputOptions): Promise<Inputs> {
  const scenarios: Scenario[] = [];
  for (const file of words.filter(isFile))
    scenarios.push(
      await loadScenario(file, { ...overridesOf(options), rule: ruleFor(file, { trust: options.trust === true }) }),
    );
  for (const { machine } of scenarios) requireMemory(machine.memory);
  const folders = words.filter((word) => !isFile(word)).flatMap((word) => foldersOf(word, options.results));
  const runs: CoveredRun[] = [];
  const without: string[] = [];
  const resolvable: ((kernel: string) => boolean)[] = [];
  const take = (folder: string) => {
    const { result, mayResolveKernel } = runOfHost(options.results, folder, { trust: options.trust === true });
    resolvable.push(mayResolveKernel);
    const coverage = readCoverage(folder);
    if (coverage === null) without.push(basename(folder));
    else runs.push({ label: result.scenario.name, coverage });
  };
  folders.forEach(take);
  for (const scenario of scenarios)
    await interruptible(async (signal) => {
      const preparation = new Preparation({ accel: 'tcg', signal });
      await runSetUp(preparation.stages([scenario]));
      const kept = { results: options.results, memoryImage: 'never' as const, coverage: true };
      take((await performStage(scenario, '', preparation, kept, signal)).folder);
    });
  return { runs, without, mayResolve: (kernel) => resolvable.every((may) => may(kernel)) };
}

function overridesOf({ from, to, timeout }: InputOptions): Parameters<typeof loadScenario>[1] {
  return {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(timeout === undefined ? {} : { timeout }),
    kernelProblem,
  };
}

/** The folders of a run, or of the runs of a matrix that are still there. */
function foldersOf(word: string, results: string): string[] {
  const { kind, folder } = findInResults(results, word);
  if (kind === 'run') return [folder];
  const names = readAttempts(folder).attempts.flatMap(({ run }) => (run === null ? [] : [run]));
  return [...new Set(names)]
    .map((name) => join(folder, '..', basename(name)))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true);
}
