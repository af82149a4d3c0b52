// SPDX-License-Identifier: Apache-2.0
// `lab minimise`: finds the smallest scenario that still fails in the same way.
import { basename, dirname, resolve } from 'node:path';
import { Command } from 'commander';
import type { KernelImage } from '../../model/kernel/image.js';
import type { HostRule } from '../../model/scenario/host-use.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { Preparation } from '../../perform/prepare.js';
import { inStage } from '../../report/live/progress.js';
import { runsToBeSure } from '../../repro/rerun/confidence.js';
import { type Failure, failureOf, failureText, sameFailure } from '../../repro/rerun/failure.js';
import { minimise } from '../../repro/minimise/minimise.js';
import { ownData, smallestText } from '../../repro/minimise/origin.js';
import { type Measured, measureRate } from '../../repro/rerun/rate.js';
import { Trials } from '../../repro/rerun/trials.js';
import { parseScenario } from '../../scenario/index.js';
import { writeWhole } from '../../store/write-whole.js';
import { LabError } from '../../util/errors.js';
import {
  TARGET_ARGUMENT,
  type ReproTarget,
  type TargetOptions,
  kernelsOf,
  withTarget,
  withTargetOptions,
} from '../run/target.js';
import { interruptible, onInterruptKept } from '../common/interrupt.js';
import { runSetUp } from '../common/set-up.js';
import { minimiseJson, type MinimiseReport, minimiseText } from '../text/minimise.js';
import { decimal, jobs, timeout, wholeNumber } from '../common/option-values.js';
import { trialMachines } from '../run/trial-machines.js';

interface MinimiseOptions extends TargetOptions {
  output?: string;
  jobs?: number;
  times: number;
  confidence: number;
  limit: number;
  json?: boolean;
}

/** Runs of the original scenario if it does not fail each time. */
const MAX_TIMES = 6;
/** Runs of one candidate. */
const MAX_RUNS = 20;

export function createCommand(): Command {
  const command = new Command('minimise')
    .description('makes a scenario smaller, as long as it fails with the same outcome and title')
    .argument('<run>', TARGET_ARGUMENT);
  return withTargetOptions(command)
    .option('--output <file>', 'write the smallest scenario to this file; NAME.min.yaml by default')
    .option('--jobs <n>', 'run at most this many machines at once', jobs)
    .option(
      '--times <n>',
      'run the original and the smallest scenario this many times, to learn how often they fail',
      wholeNumber(1, 1000),
      2,
    )
    .option(
      '--confidence <percent>',
      'if it does not always fail: how sure to be that a part is required',
      decimal('percent', 50, 99.9),
      95,
    )
    .option(
      '--limit <seconds>',
      'start no more trials after this time; the smallest scenario so far is kept',
      decimal('seconds', 1, 86_400),
      1800,
    )
    .option('--timeout <seconds>', 'end each run after this time', timeout)
    .option('--json', 'print as JSON')
    .action(async (word: string, options: MinimiseOptions) => {
      process.exitCode = await withTarget(word, options, (target) =>
        interruptible((signal) => minimiseTarget(target, options, signal)),
      );
    });
}

async function minimiseTarget(target: ReproTarget, options: MinimiseOptions, signal: AbortSignal): Promise<number> {
  const began = performance.now();
  const { scenario, text, file, kernelProblem, rule } = target;
  const output = resolve(options.output ?? `${basename(scenario.name)}.min.yaml`);
  const data = ownData(text, file, scenario.name, scenario.kernels, dirname(output));
  // Kernels of a candidate are those of the target, which were checked, or which the user typed.
  const ruleOfCandidate = rule === null ? null : { ...rule, refusal: exceptKernels(rule) };
  const parse = (candidate: string) =>
    parseScenario(candidate, output, { timeout: options.timeout, kernelProblem, rule: ruleOfCandidate });
  // The smallest scenario so far is only written at the end.
  const forget = onInterruptKept(() => [
    `no scenario, ${output} is not written: --limit SECONDS ends the search and writes the smallest so far`,
  ]);
  const images = new Map<string, KernelImage>();
  await runSetUp(kernelsOf(target, images, signal));
  const preparation = new Preparation({ accel: options.accel, signal, images });
  const { machines, jobs: maxJobs, note } = trialMachines(preparation, options.jobs ?? null);
  if (note !== null) process.stderr.write(`${note}\n`);
  await runSetUp(preparation.stages([scenario]));

  const measure = (of: Scenario, failure: Failure | null, times: number) =>
    measureRate(of, failure, { execute: machines.execute, times, jobs: maxJobs, signal });
  const original = await inStage(
    'original scenario',
    async (task) => {
      task.detail(`${options.times} runs`);
      const measured = await measure(scenario, target.run?.failure ?? null, options.times);
      if (measured.seen === measured.runs || measured.runs >= MAX_TIMES) return measured;
      task.detail('it does not always fail: more runs');
      return measure(scenario, target.run?.failure ?? null, MAX_TIMES);
    },
    process.stderr,
  );
  checkFails(original);

  // A smaller candidate is only accepted if it has failed, so too few trials cannot make the result wrong, only larger.
  const runsEach =
    original.seen === original.runs
      ? 1
      : runsToBeSure(original.seen / original.runs, options.confidence / 100, MAX_RUNS);
  const { minimised, trials } = await inStage(
    'smaller scenarios',
    async (task) => {
      let stage = '';
      const tried: Trials = new Trials({
        wanted: original.failure,
        execute: machines.execute,
        parse,
        runs: runsEach,
        jobs: maxJobs,
        signal,
        until: Date.now() + options.limit * 1000,
        onTrial: () => task.detail(`${stage}; ${tried.started} machines so far`),
      });
      return {
        trials: tried,
        minimised: await minimise(data, {
          trials: tried,
          suspects: original.all.flatMap(({ suspects }) => suspects),
          onStage: (what) => task.detail((stage = what)),
        }),
      };
    },
    process.stderr,
  );

  const failure = failureText(original.failure);
  const smallestYaml = smallestText(minimised.data, failure, scenario.name);
  const smallest = parse(smallestYaml);
  const { run, after } = await inStage(
    'smallest scenario',
    async () => {
      const kept = await machines.run(smallest, options.results, signal, {
        snapshots: options.times > 1 ? 'use' : 'booted',
      });
      const more = options.times < 2 ? [] : (await measure(smallest, null, options.times - 1)).all;
      const all: Failure[] = [failureOf(kept.result), ...more];
      writeWhole(output, smallestYaml);
      forget();
      return {
        run: kept.folder,
        after: { seen: all.filter((each) => sameFailure(each, original.failure)).length, runs: all.length },
      };
    },
    process.stderr,
  );

  const report: MinimiseReport = {
    failure,
    before: { seen: original.seen, runs: original.runs },
    after,
    runsEach,
    minimised,
    machines: trials.started,
    refused: trials.refused,
    ms: performance.now() - began,
    output,
    run,
  };
  process.stdout.write(
    options.json ? `${JSON.stringify(minimiseJson(report), null, 2)}\n` : minimiseText(report, scenario, smallest),
  );
  return after.seen > 0 ? 0 : 1;
}

const exceptKernels =
  ({ refusal }: HostRule): HostRule['refusal'] =>
  (use) =>
    use.kind === 'kernel' ? null : refusal(use);

/** Throws a LabError if the original scenario does not fail, so that there is nothing to minimise. */
function checkFails({ failure, seen, runs, all }: Measured): void {
  if (seen === 0)
    throw new LabError(`the failure did not occur in ${runs} runs: ${failureText(failure)}`, {
      detail: `seen instead: ${[...new Set(all.map(failureText))].join('; ')}`,
      hint: 'if it is rare, use a larger --times',
    });
  if (failure.outcome === 'infra') throw new LabError(`it ends in infra, so the lab itself failed: ${failure.title}`);
  if (failure.outcome === 'preserved' && failure.title === null)
    throw new LabError('the scenario does not fail: everything came back', {
      hint: 'name a run or a scenario that fails',
    });
}
