// SPDX-License-Identifier: Apache-2.0
// The target of `lab minimise`, `lab bisect` or `lab shell`: a scenario file, or a run of this host or of a bundle. A
// run keeps exactly the kernels that it was on.
import { closeSync, openSync, readSync } from 'node:fs';
import type { Command } from 'commander';
import { ruleFor } from '../../host/trust.js';
import type { KernelImage } from '../../model/kernel/image.js';
import type { Result } from '../../model/result/result.js';
import type { HostRule } from '../../model/scenario/host-use.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import type { Stage } from '../../report/live/progress.js';
import { type Failure, failureOf } from '../../repro/rerun/failure.js';
import { type RecordedKernel, exactKernel } from '../../repro/rerun/exact-kernel.js';
import { scenarioOf, subjectOf } from '../../repro/rerun/subject.js';
import { parseScenario } from '../../scenario/index.js';
import { readText } from '../../scenario/source/read-text.js';
import { UsageError } from '../../util/errors.js';
import { kernelProblem } from './check-kernels.js';
import { showOn } from '../common/show-progress.js';
import { isBundle, type RunOptions, withRun, withRunOptions } from './open-run.js';
import { type Accel, accelOption, withKernels } from '../common/option-values.js';

export interface TargetOptions extends RunOptions {
  from?: string;
  to?: string;
  timeout?: number;
  accel: Accel;
}

export const TARGET_ARGUMENT =
  'a scenario file, a failed run (its folder, its name, or a part of its name), or a bundle (lab bundle)';

/** Adds the options of every command that takes a target. */
export function withTargetOptions(command: Command, results?: string): Command {
  return withRunOptions(withKernels(command).addOption(accelOption()), results);
}

export interface ReproTarget {
  scenario: Scenario;
  /** The YAML of the scenario. */
  text: string;
  /** The path that the YAML came from. */
  file: string;
  /** The run with its failure and its kernels; null if the target is a scenario. */
  run: { result: Result; failure: Failure; kernels: RecordedKernel[] } | null;
  /** Why there is no such kernel. The kernels of the run are known by their content, whatever their names. */
  kernelProblem: (name: string) => string | null;
  /** What its text may use of this host; null if it is trusted. */
  rule: HostRule | null;
  /** Whether this lab may look up a kernel by the name that the run gives it. */
  mayResolveKernel: (kernel: string) => boolean;
}

/** Opens the target for `body`; an unpacked bundle stays until `body` is done. */
export async function withTarget<T>(
  word: string,
  options: TargetOptions,
  body: (target: ReproTarget) => Promise<T>,
): Promise<T> {
  const { from, to, timeout } = options;
  if (isScenario(word)) {
    const text = await readText(word);
    const rule = ruleFor(word, options);
    return body({
      scenario: parseScenario(text, word, { from, to, timeout, kernelProblem, rule }),
      text,
      file: word,
      run: null,
      kernelProblem,
      rule,
      mayResolveKernel: () => true,
    });
  }
  return withRun(word, options, async ({ name, folder, result, bundled, mayResolveKernel, trust }) => {
    if (result.outcome === 'infra')
      throw new UsageError(`${name} ended in infra: the lab itself failed, so there is no failure of a kernel`, {
        hint: `lab show ${name}`,
      });
    const subject = await subjectOf(folder, result, { bundled, trust });
    const { kernels, text, file } = subject;
    const names = new Set(kernels.map((kernel) => kernel.name));
    return body({
      scenario: scenarioOf(subject, { from, to, timeout }, kernelProblem),
      text,
      file,
      run: { result, failure: failureOf(result), kernels },
      rule: subject.rule,
      mayResolveKernel,
      kernelProblem: (kernel) => (names.has(kernel) ? null : kernelProblem(kernel)),
    });
  });
}

/** A scenario has the ending of YAML, or at least does not start with the two bytes of gzip (RFC 1952). */
function isScenario(word: string): boolean {
  if (/\.ya?ml$/.test(word)) return true;
  if (!isBundle(word)) return false;
  const magic = Buffer.alloc(2);
  const fd = openSync(word, 'r');
  try {
    readSync(fd, magic);
  } finally {
    closeSync(fd);
  }
  return magic.toString('hex') !== '1f8b';
}

/**
 * Stages that find or rebuild exactly the kernels of a run, and add them to `images`.
 * @param note gets a message for each kernel that comes out different, if `otherBuild` permits that
 */
export function exactKernels(
  kernels: readonly RecordedKernel[],
  names: readonly string[],
  { otherBuild, note }: { otherBuild: boolean; note: (text: string) => void },
  images: Map<string, KernelImage>,
  signal: AbortSignal,
): Stage[] {
  const distinct = new Map(kernels.filter(({ name }) => names.includes(name)).map((kernel) => [kernel.name, kernel]));
  return [...distinct.values()].map((kernel) => ({
    title: `kernel ${kernel.name} of the run`,
    run: async (task) => {
      const exact = await exactKernel(kernel, { otherBuild }, { signal, onProgress: showOn(task) });
      images.set(kernel.name, exact.image);
      if (exact.note !== null) note(exact.note);
    },
  }));
}

/** The same for commands that can use another build of a kernel; they print a note about it. */
export function kernelsOf(
  { run, scenario }: ReproTarget,
  images: Map<string, KernelImage>,
  signal: AbortSignal,
): Stage[] {
  return exactKernels(
    run?.kernels ?? [],
    scenario.kernels,
    { otherBuild: true, note: (text) => void process.stderr.write(`${text}\n`) },
    images,
    signal,
  );
}
