// SPDX-License-Identifier: Apache-2.0
// `lab minimise`: finds the smallest scenario that still fails in the same way.
import { basename, dirname, resolve } from 'node:path';
import { Command } from 'commander';
import type { KernelImage } from '../../model/kernel/image.js';
import type { HostRule } from '../../model/scenario/host-use.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { Preparation } from '../../perform/prepare.js';
import { inStage, type Task } from '../../report/live/progress.js';
import { runsToBeSure } from '../../repro/rerun/confidence.js';
import type { Execute } from '../../repro/rerun/execute.js';
import { failureOf, failureText } from '../../repro/rerun/failure.js';
import { textOf } from '../../repro/minimise/data.js';
import { minimise } from '../../repro/minimise/minimise.js';
import { ownData, smallestText } from '../../repro/minimise/origin.js';
import { reproducesFailure } from '../../repro/minimise/reproduces.js';
import { type Measured, measureRate } from '../../repro/rerun/rate.js';
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
import { interruptible } from '../common/interrupt.js';
import { runSetUp } from '../common/set-up.js';
import { labVersion } from '../common/version.js';
import { KeptSearch } from '../run/kept-search.js';
import { minimiseJson, type MinimiseReport, minimiseText, sizeInWords } from '../text/minimise.js';
import { decimal, jobs, timeout, wholeNumber } from '../common/option-values.js';
import { trialMachines } from '../run/trial-machines.js';

interface MinimiseOptions extends TargetOptions {
  output?: string;
  jobs?: number;
  times: number;
  confidence: number;
  limit: number;
  rebuild?: boolean;
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
    .option('--rebuild', 'forget what an interrupted search with the same options found')
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
  const { times, confidence, timeout: perRun, accel } = options;
  const output = resolve(options.output ?? `${basename(scenario.name)}.min.yaml`);
  const start = textOf(ownData(text, file, scenario.name, scenario.kernels, dirname(output)));
  // Kernels of a candidate are those of the target, which were checked, or which the user typed.
  const ruleOfCandidate = rule === null ? null : { ...rule, refusal: exceptKernels(rule) };
  const parse = (candidate: string) =>
    parseScenario(candidate, output, { timeout: perRun, kernelProblem, rule: ruleOfCandidate });
  const images = new Map<string, KernelImage>();
  await runSetUp(kernelsOf(target, images, signal));
  const preparation = new Preparation({ accel, signal, images });
  const { machines, jobs: maxJobs, note } = trialMachines(preparation, options.jobs ?? null);
  if (note !== null) process.stderr.write(`${note}\n`);
  await runSetUp(preparation.stages([scenario]));

  const prepared = preparation.of(scenario);
  const digests = [...prepared.kernels, prepared.rootfs].map(({ sha256 }) => sha256);
  const wanted = target.run?.failure ?? null;
  const kept = new KeptSearch(output, {
    question: [labVersion(), start, wanted, digests, accel, perRun ?? null, times, confidence],
    start: options.rebuild === true ? 'again' : 'continue',
    sizeOf: (yaml) => sizeInWords(parse(yaml)),
  });
  if (kept.continues !== null) process.stderr.write(`${kept.continues}\n`);

  const runs = { execute: machines.execute, jobs: maxJobs, signal };
  const measure = (count: number) => measureRate(scenario, wanted, { ...runs, times: count });
  const original =
    kept.answers.original ?? (await inStage('original scenario', originalRate(measure, times), process.stderr));
  checkFails(original);
  if (kept.answers.original === null) kept.answers.setOriginal(original);

  // A smaller candidate is only accepted if it has failed, so too few trials cannot make the result wrong, only larger.
  const runsEach =
    original.seen === original.runs ? 1 : runsToBeSure(original.seen / original.runs, confidence / 100, MAX_RUNS);
  const failure = failureText(original.failure);
  const heading = { failure, origin: scenario.name };
  let started = 0;
  const minimised = await inStage(
    'smaller scenarios',
    (task) => {
      let shown = () => undefined as void;
      const onMachine = () => {
        started++;
        shown();
      };
      return minimise({
        scenario: start,
        reproduces: reproducesFailure({
          wanted: original.failure,
          execute: machines.execute,
          runs: runsEach,
          onMachine,
        }),
        parse,
        jobs: maxJobs,
        deadline: Date.now() + options.limit * 1000,
        signal,
        answers: kept.answers,
        suspects: original.all.flatMap(({ suspects }) => suspects),
        onProgress: ({ trying, smallest }) => {
          if (smallest !== start) kept.take(smallest, heading);
          shown = () => task.detail(`${started} machines; smallest so far: ${kept.size}; now: ${trying}`);
          shown();
        },
      });
    },
    process.stderr,
  );

  const smallestYaml = smallestText(minimised.scenario, { ...heading, state: 'final' });
  const smallest = parse(smallestYaml);
  const { run, after } = await inStage('smallest scenario, cold', () => confirm(smallest), process.stderr);
  writeWhole(output, smallestYaml);
  kept.done();

  const report: MinimiseReport = {
    failure,
    before: { seen: original.seen, runs: original.runs },
    after: { seen: after.seen, runs: after.runs },
    runsEach,
    minimised,
    machines: started,
    earlier: kept.earlier,
    ms: performance.now() - began,
    output,
    run,
  };
  process.stdout.write(
    options.json ? `${JSON.stringify(minimiseJson(report), null, 2)}\n` : minimiseText(report, scenario, smallest),
  );
  return after.seen > 0 ? 0 : 1;

  /** Runs from a boot, the first of which is kept. */
  async function confirm(of: Scenario): Promise<{ run: string; after: Measured }> {
    let folder: string | null = null;
    const execute: Execute = async (each, aborted, snapshots) => {
      if (folder !== null) return machines.execute(each, aborted, snapshots);
      folder = '';
      const { result, folder: own } = await machines.run(each, options.results, aborted, { snapshots });
      folder = own;
      return { ...failureOf(result), suspects: [], asExpected: result.asExpected };
    };
    const measured = await measureRate(of, original.failure, { ...runs, execute, times, snapshots: 'cold' });
    return { run: folder ?? '', after: measured };
  }
}

/** How often the original fails. If that is not each time, it runs more often. */
function originalRate(measure: (runs: number) => Promise<Measured>, times: number): (task: Task) => Promise<Measured> {
  return async (task) => {
    task.detail(`${times} runs`);
    const measured = await measure(times);
    if (measured.seen === measured.runs || measured.runs >= MAX_TIMES) return measured;
    task.detail('it does not always fail: more runs');
    return measure(MAX_TIMES);
  };
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
