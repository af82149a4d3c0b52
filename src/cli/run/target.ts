// SPDX-License-Identifier: Apache-2.0
// What a word of `lab minimise`, `lab bisect` or `lab shell` means: a scenario file, or a run that is done, its own or
// a bundle's, on the very kernels that it was on.
import { closeSync, openSync, readSync } from 'node:fs';
import type { Command } from 'commander';
import type { KernelImage } from '../../model/kernel/image.js';
import type { Result } from '../../model/result/result.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import type { Stage } from '../../report/live/progress.js';
import { type Failure, failureOf } from '../../repro/rerun/failure.js';
import { type RecordedKernel, sameKernel } from '../../repro/rerun/same-kernel.js';
import { scenarioOf, subjectOf } from '../../repro/rerun/subject.js';
import { parseScenario } from '../../scenario/index.js';
import { readText } from '../../scenario/parse.js';
import { UsageError } from '../../util/errors.js';
import { kernelProblem } from './check-kernels.js';
import { showOn } from '../commands/images.js';
import { isBundle, type RunOptions, withRun, withRunOptions } from './open-run.js';
import { type Accel, accelOption, withKernels } from '../option-values.js';

export interface GivenOptions extends RunOptions {
  from?: string;
  to?: string;
  timeout?: number;
  accel: Accel;
}

export const A_RUN_OR_SCENARIO =
  'a scenario file, a run that failed (its folder, its name, or a part of its name), or a bundle (lab bundle)';

/** Options of every command that takes one. */
export function withGivenOptions(command: Command, results?: string): Command {
  return withRunOptions(withKernels(command).addOption(accelOption()), results);
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
  /** Whether a kernel may be looked up here by the name that it has in the run. */
  mayAsk: (kernel: string) => boolean;
}

/** @param body what is done with it; an unpacked bundle is there until that is over */
export async function withGiven<T>(
  word: string,
  options: GivenOptions,
  body: (given: Given) => Promise<T>,
): Promise<T> {
  const { from, to, timeout } = options;
  if (isScenario(word)) {
    const text = await readText(word);
    return body({
      scenario: parseScenario(text, word, { from, to, timeout, kernelProblem }),
      text,
      file: word,
      run: null,
      kernelProblem,
      mayAsk: () => true,
    });
  }
  return withRun(word, options, async ({ name, folder, result, bundled, mayAsk }) => {
    if (result.outcome === 'infra')
      throw new UsageError(`${name} ended in infra: the lab itself failed, which says nothing of a kernel`, {
        hint: `lab show ${name}`,
      });
    const subject = await subjectOf(folder, result, bundled);
    const { kernels, text, file } = subject;
    const names = new Set(kernels.map((kernel) => kernel.name));
    return body({
      scenario: scenarioOf(subject, { from, to, timeout }, kernelProblem),
      text,
      file,
      run: { result, failure: failureOf(result), kernels },
      mayAsk,
      kernelProblem: (kernel) => (names.has(kernel) ? null : kernelProblem(kernel)),
    });
  });
}

/** By its name, else by not beginning as a bundle does: with gzip's two bytes (RFC 1952). */
function isScenario(word: string): boolean {
  if (/\.ya?ml$/.test(word)) return true;
  if (!isBundle(word)) return false;
  const begin = Buffer.alloc(2);
  const fd = openSync(word, 'r');
  try {
    readSync(fd, begin);
  } finally {
    closeSync(fd);
  }
  return begin.toString('hex') !== '1f8b';
}

/**
 * Finds or makes the very kernels of a run. `images` is filled by the stages.
 * @param note is told of a kernel that comes out otherwise, where `otherBuild` lets it
 */
export function sameKernels(
  kernels: readonly RecordedKernel[],
  names: readonly string[],
  { otherBuild, note }: { otherBuild: boolean; note: (text: string) => void },
  images: Map<string, KernelImage>,
  signal: AbortSignal,
): Stage[] {
  const wanted = new Map(kernels.filter(({ name }) => names.includes(name)).map((kernel) => [kernel.name, kernel]));
  return [...wanted.values()].map((kernel) => ({
    title: `the same ${kernel.name}`,
    run: async (task) => {
      const same = await sameKernel(kernel, otherBuild, { signal, onProgress: showOn(task) });
      images.set(kernel.name, same.image);
      if (same.note !== null) note(same.note);
    },
  }));
}

/** The same for a command that needs no more than kernels which fail alike: another build is said and taken. */
export function kernelsOf({ run, scenario }: Given, images: Map<string, KernelImage>, signal: AbortSignal): Stage[] {
  return sameKernels(
    run?.kernels ?? [],
    scenario.kernels,
    { otherBuild: true, note: (text) => void process.stderr.write(`${text}\n`) },
    images,
    signal,
  );
}
