// SPDX-License-Identifier: Apache-2.0
// `lab minimise`: the smallest scenario that still fails in the same way.
import { basename, dirname, resolve } from 'node:path';
import { Command } from 'commander';
import type { KernelImage } from '../model/image.js';
import type { Result } from '../model/result.js';
import { Preparation } from '../perform/prepare.js';
import { runStages } from '../report/progress.js';
import { type Rate, runsToBeSure } from '../repro/confidence.js';
import { type Failure, failureOf, failureText } from '../repro/failure.js';
import { type Minimised, minimise } from '../repro/minimise/minimise.js';
import { ownData, smallestText } from '../repro/minimise/origin.js';
import { measureRate } from '../repro/rate.js';
import { Trials } from '../repro/trials.js';
import { parseScenario } from '../scenario/index.js';
import { writeWhole } from '../store/write-whole.js';
import { LabError } from '../util/errors.js';
import { A_RUN_OR_SCENARIO, type Given, type GivenOptions, kernelsOf, withGiven, withGivenOptions } from './given.js';
import { interruptible } from './interrupt.js';
import { minimisedText } from './minimise-text.js';
import { jobs, number } from './option-values.js';
import { trialMachines } from './trial-machines.js';

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
    .option('--times <n>', 'runs of what was given, and of the smallest: how often it fails', number('a whole number', 1, 1000), 2)
    .option('--confidence <percent>', 'where it does not always fail: how sure to be that a part matters', number('percent', 50, 99.9, false), 95)
    .option('--limit <seconds>', 'begin no more trials after this; the smallest so far is kept', number('seconds', 1, 86_400, false), 1800)
    .option('--timeout <seconds>', 'deadline of each run', number('seconds', 1, 86_400, false))
    .option('--json', 'print as JSON')
    .action(async (word: string, options: MinimiseOptions) => {
      process.exitCode = await withGiven(word, options, (given) => interruptible((signal) => minimiseGiven(given, options, signal)));
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
  /** The run of the smallest that was kept. */
  run: { folder: string; result: Result };
}

async function minimiseGiven(wanted: Given, options: MinimiseOptions, signal: AbortSignal): Promise<number> {
  const began = performance.now();
  const output = resolve(options.output ?? `${basename(wanted.scenario.name)}.min.yaml`);
  const data = ownData(wanted.text, wanted.file, wanted.scenario.kernels, dirname(output));
  const parse = (text: string) => parseScenario(text, output, { timeout: options.timeout, kernelProblem: wanted.kernelProblem });
  const done: Partial<MinimiseReport> = {};
  let suspects: string[] = [];
  const images = new Map<string, KernelImage>();
  await runStages(kernelsOf(wanted, images, signal), process.stderr);
  const preparation = new Preparation({ accel: options.accel, signal, images });
  const { machines, jobs, note } = trialMachines(preparation, options.jobs ?? null);
  if (note !== null) process.stderr.write(`${note}\n`);
  await runStages([
    ...preparation.stages([wanted.scenario]),
    {
      title: 'as it was given', run: async (task) => {
        const measure = (times: number) => measureRate(wanted.scenario, wanted.run?.failure ?? null, { execute: machines.execute, times, jobs, signal });
        task.detail(`${options.times} runs`);
        let measured = await measure(options.times);
        if (measured.seen < measured.runs && measured.runs < MOST_TIMES) {
          task.detail('it does not always fail: more runs');
          measured = await measure(MOST_TIMES);
        }
        if (measured.seen === 0) throw new LabError(`the failure did not show in ${measured.runs} runs: ${failureText(measured.failure)}`, { detail: `seen instead: ${[...new Set(measured.all.map(failureText))].join('; ')}`, hint: 'a larger --times, where it shows seldom' });
        if (measured.failure.outcome === 'infra') throw new LabError(`it ends in infra: ${measured.failure.title}`);
        if (measured.failure.outcome === 'preserved' && measured.failure.title === null) throw new LabError('nothing fails: all came back', { hint: 'name a run or a scenario that fails' });
        done.failure = failureText(measured.failure);
        done.before = { seen: measured.seen, runs: measured.runs };
        // What is taken as smaller has failed; a trial too few only leaves something in that need not be there.
        done.runsEach = measured.seen === measured.runs ? 1 : runsToBeSure(measured.seen / measured.runs, options.confidence / 100, MOST_RUNS);
        suspects = measured.all.flatMap((seen) => seen.suspects);
        const trials = new Trials({
          wanted: measured.failure, execute: machines.execute, parse, runs: done.runsEach, jobs, signal, until: Date.now() + options.limit * 1000,
          onTrial: () => task.detail(`${stage}; ${trials.started} machines so far`),
        });
        let stage = '';
        done.minimised = await minimise(data, { trials, suspects, onStage: (what) => task.detail(stage = what) });
        done.machines = trials.started;
        done.refused = trials.refused;
      },
    },
    {
      title: 'the smallest', run: async () => {
        const text = smallestText((done.minimised as Minimised).data, done.failure ?? '', basename(wanted.file));
        const smallest = parse(text);
        const kept = await machines.run(smallest, options.results, signal);
        const more = options.times < 2 ? [] : (await measureRate(smallest, null, { execute: machines.execute, times: options.times - 1, jobs, signal })).all;
        const all: Failure[] = [failureOf(kept.result), ...more];
        done.run = { folder: kept.folder, result: kept.result };
        done.after = { seen: all.filter((each) => failureText(each) === done.failure).length, runs: all.length };
        writeWhole(output, text);
        done.output = output;
      },
    },
  ], process.stderr);
  done.ms = performance.now() - began;
  const report = done as MinimiseReport;
  process.stdout.write(options.json ? `${JSON.stringify({ ...report, run: report.run.folder }, null, 2)}\n` : minimisedText(report, wanted.scenario, parse(smallestText(report.minimised.data, report.failure, ''))));
  return report.after.seen > 0 ? 0 : 1;
}
