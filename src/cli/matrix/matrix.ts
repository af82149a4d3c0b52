// SPDX-License-Identifier: Apache-2.0
// `lab matrix`: runs a plan and prints a verdict for every pair result. The plan is checked before the first machine
// starts.
import { Command } from 'commander';
import { ruleFor } from '../../host/trust.js';
import { expandPlan } from '../../matrix/expand.js';
import { readBaseline } from '../../matrix/baseline.js';
import { newMatrix, pinPairs, planSha256 } from '../../matrix/plan-run.js';
import { checkUrl } from '../../matrix/redis/connection.js';
import { takeQueueKey } from '../../matrix/redis/seal/key.js';
import { selectScenarios } from '../../matrix/select.js';
import type { Matrix } from '../../model/result/matrix.js';
import { Preparation } from '../../perform/prepare.js';
import { nightHuntLines, nightHuntStatus, worseStatus } from '../../report/hunt/night.js';
import { matrixStatus, matrixText } from '../../report/text/matrix.js';
import { newKernelsOf } from '../../report/night/new-kernels.js';
import { loadPlan, loadProfile } from '../../scenario/index.js';
import { History } from '../../store/history/index.js';
import { MatrixFolder } from '../../store/matrix/folder.js';
import { pairResultsOf } from '../../store/matrix/pair-results.js';
import { isDiskFull, LabError, UsageError } from '../../util/errors.js';
import { updateBaseline } from './baseline.js';
import { kernelProblem, planKernels } from '../run/check-kernels.js';
import { expectHunt, huntAtEnd, plannedHunt } from '../fuzz/night.js';
import { interruptible } from '../common/interrupt.js';
import { runSetUp } from '../common/set-up.js';
import { lastMatrixOf } from './last-matrix.js';
import { type CellOptions, runCells } from './run-cells.js';
import { accelFor, accelOption, jobs, trustOption } from '../common/option-values.js';
import { labIdentity } from '../common/version.js';

interface MatrixOptions extends CellOptions {
  resume?: boolean;
  updateBaseline?: boolean;
  json?: boolean;
}

export function createCommand(): Command {
  return new Command('matrix')
    .description('runs scenarios on many kernel pairs, as a plan says')
    .argument('<plan>', 'a plan, such as scenarios/matrix/quick.yaml')
    .option(
      '--jobs <n>',
      'run at most this many machines at once; the default and the limit are what cores and memory allow',
      jobs,
    )
    .option('--queue <url>', 'give the cells to workers through Redis (redis://host:port); see lab worker')
    .option('--resume', 'continue the last matrix of this plan; nothing runs twice')
    .option('--update-baseline', 'accept these outcomes as the expected ones; shows the changes before it writes')
    .option('--coverage', 'keep which code of live update ran; boots each machine, so it takes longer')
    .addOption(trustOption('the plan and its scenarios'))
    .addOption(accelOption())
    .option('--results <dir>', 'folder of the results', 'results')
    .option('--json', 'print the matrix and its outcomes as JSON; progress goes to standard error')
    .action(async (file: string, options: MatrixOptions) => {
      process.exitCode = await interruptible((signal) => runMatrix(file, options, signal));
    });
}

export async function runMatrix(file: string, options: MatrixOptions, signal: AbortSignal): Promise<number> {
  const key = takeQueueKey(process.env);
  if (options.queue !== undefined) checkUrl(options.queue);
  const plan = await loadPlan(file, { ...planKernels(signal), rule: ruleFor(file, options) });
  if (options.queue !== undefined && plan.fromTrees.length > 0)
    throw new UsageError(`workers do not have the git trees of this plan: ${plan.fromTrees.join(', ')}`, {
      hint: 'run it on this host alone, without --queue',
    });
  if (options.updateBaseline && plan.baseline === null)
    throw new UsageError(`${file} names no baseline`, { hint: 'add to the plan: baseline: FILE.yaml' });
  const profile = plan.profile === null ? null : await loadProfile(plan.profile);
  const baseline = readBaseline(plan.baseline);
  const { pairs: planned, leftOut } = expandPlan(
    plan,
    await selectScenarios(plan, kernelProblem, options),
    kernelProblem,
  );
  const hunt = plannedHunt(plan, ruleFor(file, options), options.jobs ?? null);
  const sha256 = planSha256(plan, profile, planned, hunt?.source ?? null);
  const resumed = options.resume ? lastMatrixOf(plan, options.results, sha256) : null;

  try {
    const preparation = new Preparation({ accel: accelFor(options), signal });
    await runSetUp(preparation.stages(planned.map(({ scenario }) => scenario)));
    const pairs = pinPairs(planned, profile, (scenario) => preparation.kernelsOf(scenario));
    const matrix =
      resumed ??
      newMatrix({
        plan,
        sha256,
        pairs,
        kernelsOf: (scenario) => preparation.kernelsOf(scenario),
        baseline,
        labVersion: labIdentity(),
      });
    const folder =
      resumed === null ? MatrixFolder.create(options.results, matrix) : MatrixFolder.reopen(options.results, matrix.id);
    if (hunt !== null) expectHunt(hunt, folder.path);
    const attempts = await runCells({ key, matrix, plan, profile, pairs, folder, leftOut, options, signal });
    const pairResults = pairResultsOf(matrix, attempts);
    const queue = options.queue === undefined ? null : { url: options.queue, key };
    const setting = { folder: folder.path, results: options.results, accel: options.accel, queue };
    const hunted = hunt === null ? null : await huntAtEnd(hunt, { ...setting, signal, stream: process.stderr });
    const rest = hunted === null ? {} : { hunt: hunted };
    const newKernels = newKernelsOf(matrix.cells, await kernelsOfNightsBefore(matrix, options.results));
    if (options.json)
      process.stdout.write(`${JSON.stringify({ ...matrix, newKernels, squares: pairResults, ...rest }, null, 2)}\n`);
    else {
      process.stdout.write(matrixText(matrix, pairResults, { folder: folder.path, newKernels }, process.stdout));
      process.stdout.write(
        nightHuntLines(hunted)
          .map((line) => `${line}\n`)
          .join(''),
      );
    }
    if (options.updateBaseline)
      await updateBaseline(
        plan.baseline as string,
        baseline,
        pairResults,
        options.json ? process.stderr : process.stdout,
      );
    return worseStatus(matrixStatus(pairResults), nightHuntStatus(hunted));
  } catch (error) {
    if (signal.aborted || !(error instanceof LabError) || !isDiskFull(error.cause)) throw error;
    throw new LabError(`${error.message}; the results so far are kept`, {
      cause: error.cause,
      hint: `free some space, then lab matrix ${file} --resume`,
    });
  }
}

/** Null if there is no history: the matrix itself has ended well without it. */
async function kernelsOfNightsBefore({ startedAt }: Matrix, results: string): Promise<ReadonlySet<string> | null> {
  try {
    const history = await History.open(results);
    try {
      return history.kernelsBefore(Date.parse(startedAt));
    } finally {
      history.close();
    }
  } catch {
    return null;
  }
}
