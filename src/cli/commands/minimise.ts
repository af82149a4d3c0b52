// SPDX-License-Identifier: Apache-2.0
// `lab minimise`: the smallest scenario that still fails in the same way.
import { basename, dirname, resolve } from 'node:path';
import { Command } from 'commander';
import type { KernelImage } from '../../model/kernel/image.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { Preparation } from '../../perform/prepare.js';
import { inStage, runStages } from '../../report/live/progress.js';
import { type Rate, runsToBeSure } from '../../repro/rerun/confidence.js';
import { type Failure, failureOf, failureText, sameFailure } from '../../repro/rerun/failure.js';
import { type Minimised, minimise } from '../../repro/minimise/minimise.js';
import { ownData, smallestText } from '../../repro/minimise/origin.js';
import { type Measured, measureRate } from '../../repro/rerun/rate.js';
import { Trials } from '../../repro/rerun/trials.js';
import { parseScenario } from '../../scenario/index.js';
import { writeWhole } from '../../store/write-whole.js';
import { LabError } from '../../util/errors.js';
import {
  A_RUN_OR_SCENARIO,
  type Given,
  type GivenOptions,
  kernelsOf,
  withGiven,
  withGivenOptions,
} from '../run/target.js';
import { interruptible } from '../interrupt.js';
import { minimisedText } from '../text/minimise.js';
import { jobs, number } from '../option-values.js';
import { trialMachines } from '../run/trial-machines.js';

interface MinimiseOptions extends GivenOptions {
  output?: string;
  jobs?: number;
  times: number;
  confidence: number;
  limit: number;
  json?: boolean;
}

/** Runs that are given to a failure to show at all, and the most that one candidate gets. */
const MOST_TIMES = 6;
const MOST_RUNS = 20;

export function minimiseCommand(): Command {
  const command = new Command('minimise')
    .description('makes a scenario smaller as long as it fails in the same way: outcome and title')
    .argument('<run>', A_RUN_OR_SCENARIO);
  return withGivenOptions(command)
    .option('--output <file>', 'where the smallest scenario goes; NAME.min.yaml without it')
    .option('--jobs <n>', 'machines at once', jobs)
    .option(
      '--times <n>',
      'runs of what was given, and of the smallest: how often it fails',
      number('a whole number', 1, 1000),
      2,
    )
    .option(
      '--confidence <percent>',
      'where it does not always fail: how sure to be that a part matters',
      number('percent', 50, 99.9, false),
      95,
    )
    .option(
      '--limit <seconds>',
      'begin no more trials after this; the smallest so far is kept',
      number('seconds', 1, 86_400, false),
      1800,
    )
    .option('--timeout <seconds>', 'deadline of each run', number('seconds', 1, 86_400, false))
    .option('--json', 'print as JSON')
    .action(async (word: string, options: MinimiseOptions) => {
      process.exitCode = await withGiven(word, options, (given) =>
        interruptible((signal) => minimiseGiven(given, options, signal)),
      );
    });
}

export interface MinimiseReport {
  failure: string;
  /** How often what was given fails, and the smallest. */
  before: Rate;
  after: Rate;
  runsEach: number;
  minimised: Minimised;
  machines: number;
  refused: number;
  ms: number;
  output: string;
  /** Folder of the run of the smallest that was kept. */
  run: string;
}

async function minimiseGiven(wanted: Given, options: MinimiseOptions, signal: AbortSignal): Promise<number> {
  const began = performance.now();
  const { scenario, text, file, kernelProblem } = wanted;
  const output = resolve(options.output ?? `${basename(scenario.name)}.min.yaml`);
  const data = ownData(text, file, scenario.name, scenario.kernels, dirname(output));
  const parse = (candidate: string) => parseScenario(candidate, output, { timeout: options.timeout, kernelProblem });
  const images = new Map<string, KernelImage>();
  await runStages(kernelsOf(wanted, images, signal), process.stderr);
  const preparation = new Preparation({ accel: options.accel, signal, images });
  const { machines, jobs: most, note } = trialMachines(preparation, options.jobs ?? null);
  if (note !== null) process.stderr.write(`${note}\n`);
  await runStages(preparation.stages([scenario]), process.stderr);

  const measure = (of: Scenario, failure: Failure | null, times: number) =>
    measureRate(of, failure, { execute: machines.execute, times, jobs: most, signal });
  const given = await inStage(
    'as it was given',
    async (task) => {
      task.detail(`${options.times} runs`);
      const measured = await measure(scenario, wanted.run?.failure ?? null, options.times);
      if (measured.seen === measured.runs || measured.runs >= MOST_TIMES) return measured;
      task.detail('it does not always fail: more runs');
      return measure(scenario, wanted.run?.failure ?? null, MOST_TIMES);
    },
    process.stderr,
  );
  refuse(given);

  // What is taken as smaller has failed; a trial too few only leaves something in that need not be there.
  const runsEach =
    given.seen === given.runs ? 1 : runsToBeSure(given.seen / given.runs, options.confidence / 100, MOST_RUNS);
  const { minimised, trials } = await inStage(
    'smaller',
    async (task) => {
      let stage = '';
      const tried: Trials = new Trials({
        wanted: given.failure,
        execute: machines.execute,
        parse,
        runs: runsEach,
        jobs: most,
        signal,
        until: Date.now() + options.limit * 1000,
        onTrial: () => task.detail(`${stage}; ${tried.started} machines so far`),
      });
      return {
        trials: tried,
        minimised: await minimise(data, {
          trials: tried,
          suspects: given.all.flatMap(({ suspects }) => suspects),
          onStage: (what) => task.detail((stage = what)),
        }),
      };
    },
    process.stderr,
  );

  const failure = failureText(given.failure);
  const smallestYaml = smallestText(minimised.data, failure, scenario.name);
  const smallest = parse(smallestYaml);
  const { run, after } = await inStage(
    'the smallest',
    async () => {
      const kept = await machines.run(smallest, options.results, signal);
      const more = options.times < 2 ? [] : (await measure(smallest, null, options.times - 1)).all;
      const all: Failure[] = [failureOf(kept.result), ...more];
      writeWhole(output, smallestYaml);
      return {
        run: kept.folder,
        after: { seen: all.filter((each) => sameFailure(each, given.failure)).length, runs: all.length },
      };
    },
    process.stderr,
  );

  const report: MinimiseReport = {
    failure,
    before: { seen: given.seen, runs: given.runs },
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
    options.json ? `${JSON.stringify(report, null, 2)}\n` : minimisedText(report, scenario, smallest),
  );
  return after.seen > 0 ? 0 : 1;
}

/** Throws a LabError where what was given does not fail, and so cannot be made smaller. */
function refuse({ failure, seen, runs, all }: Measured): void {
  if (seen === 0)
    throw new LabError(`the failure did not show in ${runs} runs: ${failureText(failure)}`, {
      detail: `seen instead: ${[...new Set(all.map(failureText))].join('; ')}`,
      hint: 'a larger --times, where it shows seldom',
    });
  if (failure.outcome === 'infra') throw new LabError(`it ends in infra: ${failure.title}`);
  if (failure.outcome === 'preserved' && failure.title === null)
    throw new LabError('nothing fails: all came back', { hint: 'name a run or a scenario that fails' });
}
