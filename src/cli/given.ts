// SPDX-License-Identifier: Apache-2.0
// What a word of `lab minimise`, `lab bisect` or `lab shell` means: a scenario file, or a run that is done, on the very kernels that it was on.
import { existsSync, statSync } from 'node:fs';
import { Option } from 'commander';
import type { KernelImage } from '../model/image.js';
import type { Result } from '../model/result.js';
import type { Scenario } from '../model/scenario.js';
import type { Stage } from '../report/progress.js';
import { type Failure, failureOf } from '../repro/failure.js';
import { type RecordedKernel, sameKernel } from '../repro/same-kernel.js';
import { scenarioOf, type Subject, subjectOf } from '../repro/subject.js';
import { parseScenario } from '../scenario/index.js';
import { readText } from '../scenario/parse.js';
import { findInResults } from '../store/find.js';
import { UsageError } from '../util/errors.js';
import { kernelProblem } from './check-kernels.js';
import { showOn } from './images.js';

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
  /** The run that it is from, how that failed, and on what; null for a scenario. */
  run: { result: Result; failure: Failure; kernels: RecordedKernel[] } | null;
  /** Why there is no such kernel; those of the run are known by their content. */
  kernelProblem: (name: string) => string | null;
}

export async function given(word: string, options: GivenOptions): Promise<Given> {
  const { from, to, timeout } = options;
  if (/\.ya?ml$/.test(word) || (existsSync(word) && statSync(word).isFile())) {
    const text = await readText(word);
    return { scenario: parseScenario(text, word, { from, to, timeout, kernelProblem }), text, file: word, run: null, kernelProblem };
  }
  const subject = await givenRun(options.results, word);
  const { result, kernels, text, file } = subject;
  const names = new Set(kernels.map(({ name }) => name));
  return {
    scenario: scenarioOf(subject, { from, to, timeout }, kernelProblem), text, file, run: { result, failure: failureOf(result), kernels },
    kernelProblem: (name) => (names.has(name) ? null : kernelProblem(name)),
  };
}

async function givenRun(results: string, word: string): Promise<Subject> {
  const { kind, name, folder } = findInResults(results, word);
  if (kind === 'matrix') throw new UsageError(`${name} is a matrix: name one of its runs`, { hint: `lab show ${name}` });
  const subject = await subjectOf(folder);
  if (subject.result.outcome === 'infra') throw new UsageError(`${name} ended in infra: the lab itself failed, which says nothing of a kernel`, { hint: `lab show ${name}` });
  return subject;
}

export const accelOption = () => new Option('--accel <how>', 'KVM is used where a real kernel boots on it').choices(['auto', 'kvm', 'tcg']).default('auto');

/** Finds or makes the very kernels of the run, where there is one. `images` is filled by the stages; a kernel that comes out otherwise is said. */
export function sameKernels({ run, scenario }: Given, images: Map<string, KernelImage>, signal: AbortSignal): Stage[] {
  const wanted = new Map(run?.kernels.filter(({ name }) => scenario.kernels.includes(name)).map((kernel) => [kernel.name, kernel]));
  return [...wanted.values()].map((kernel) => ({
    title: `the same ${kernel.name}`, run: async (task) => {
      const { image, note } = await sameKernel(kernel, true, { signal, onProgress: showOn(task) });
      images.set(kernel.name, image);
      if (note !== null) process.stderr.write(`${note}\n`);
    },
  }));
}
