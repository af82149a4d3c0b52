// SPDX-License-Identifier: Apache-2.0
// What a word of `lab minimise`, `lab bisect` or `lab shell` means: a scenario file, or a run that is done.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Option } from 'commander';
import type { Result } from '../model/result.js';
import type { Scenario } from '../model/scenario.js';
import { type Failure, failureOf } from '../repro/failure.js';
import { parseScenario, type ScenarioOverrides } from '../scenario/index.js';
import { readText } from '../scenario/parse.js';
import { findInResults } from '../store/find.js';
import { readRun } from '../store/read-run.js';
import { UsageError } from '../util/errors.js';
import { kernelProblem } from './check-kernels.js';

export interface GivenOptions {
  from?: string;
  to?: string;
  timeout?: number;
  results: string;
}

export interface Given {
  scenario: Scenario;
  /** Its YAML, and where that came from. */
  text: string;
  file: string;
  /** The run that it is from, and how that failed; null for a scenario. */
  run: { result: Result; failure: Failure } | null;
}

export async function given(word: string, options: GivenOptions): Promise<Given> {
  const isFile = /\.ya?ml$/.test(word) || (existsSync(word) && statSync(word).isFile());
  const run = isFile ? null : readGivenRun(options.results, word);
  const file = run === null ? word : run.result.scenario.file;
  const text = await readText(run === null ? word : join(run.folder, 'scenario.yaml'));
  const { from, to, timeout } = options;
  // A run may have been on other kernels than its scenario says.
  const ran = run?.result.kernels.map(({ name }) => name);
  const kernels = ran === undefined ? undefined : [from ?? (ran[0] as string), ...ran.slice(1, -1), to ?? (ran.at(-1) as string)];
  const scenario = parseScenario(text, file, { ...(kernels === undefined ? { from, to } : { kernels }), timeout, kernelProblem } satisfies ScenarioOverrides);
  return { scenario, text, file, run: run && { result: run.result, failure: failureOf(run.result) } };
}

function readGivenRun(results: string, word: string): { result: Result; folder: string } {
  const { kind, name, folder } = findInResults(results, word);
  if (kind === 'matrix') throw new UsageError(`${name} is a matrix: name one of its runs`, { hint: `lab show ${name}` });
  const read = readRun(folder);
  if (read.state !== 'whole') throw new UsageError(`${name} cannot be used: ${read.why}`);
  if (read.result.outcome === 'infra') throw new UsageError(`${name} ended in infra: the lab itself failed, which says nothing of a kernel`, { hint: `lab show ${name}` });
  return { result: read.result, folder };
}

export const accelOption = () => new Option('--accel <how>', 'KVM is used where a real kernel boots on it').choices(['auto', 'kvm', 'tcg']).default('auto');

/** Where a kernel is not the one that the run was on; a sentence for each. */
export function otherKernels(result: Result, kernels: readonly { name: string; sha256: string }[]): string[] {
  return kernels.flatMap(({ name, sha256 }, epoch) => {
    const before = result.kernels[epoch];
    return before === undefined || before.name !== name || before.sha256 === sha256 ? [] : [`${name} is another kernel now than that of the run (SHA-256 ${sha256.slice(0, 12)}, was ${before.sha256.slice(0, 12)})`];
  });
}
