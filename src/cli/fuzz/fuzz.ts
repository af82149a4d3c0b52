// SPDX-License-Identifier: Apache-2.0
// `lab fuzz`: looks for bugs that nobody has reported.
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { checkUrl } from '../../matrix/redis/connection.js';
import { takeQueueKey } from '../../matrix/redis/seal/key.js';
import type { HuntReport } from '../../model/hunt/hunt.js';
import { huntStatus, huntText } from '../../report/hunt/text.js';
import { interruptible, sameCommand } from '../common/interrupt.js';
import { type Accel, accelOption, decimal, jobs, wholeNumber } from '../common/option-values.js';
import { runHunt } from './hunt.js';
import { huntPlanOf, type PlanOptions } from './plan-of.js';

interface FuzzOptions extends PlanOptions {
  out?: string;
  minimise: number;
  accel: Accel;
  queue?: string;
  json?: boolean;
}

export function createCommand(): Command {
  return new Command('fuzz')
    .description('makes inputs, runs them on real kernels, and keeps what no kernel may do')
    .argument('[plan]', 'a plan, such as scenarios/fuzz/short.yaml; 7.3.4 to itself for an hour by default')
    .option('--kernels <a..b>', 'the kernel that hands over, and the one that takes over')
    .option('--generators <list>', 'generators, separated by commas')
    .option('--time <seconds>', 'start no more inputs after this time', decimal('seconds', 1, 31_536_000))
    .option('--executions <n>', 'end after this many inputs', wholeNumber(1, 1e9))
    .option('--jobs <n>', 'run at most this many machines at once', jobs)
    .option('--seed <n>', 'the same seed gives the same inputs', wholeNumber(0, 0xffffffff))
    .option('--corpus <dir>', 'folder of the corpus, the journal and the findings; results/fuzz by default')
    .option('--out <dir>', 'folder of the findings; findings in that of the corpus by default')
    .option('--minimise <seconds>', 'time to make a finding smaller', decimal('seconds', 0, 86_400), 120)
    .option('--queue <url>', 'let workers run the inputs (redis://host:port); see lab worker')
    .addOption(accelOption())
    .option('--json', 'print the summary as JSON; progress goes to standard error')
    .action(async (file: string | undefined, options: FuzzOptions) => {
      process.exitCode = await interruptible((signal) => fuzz(file, options, signal));
    });
}

async function fuzz(file: string | undefined, options: FuzzOptions, signal: AbortSignal): Promise<number> {
  const key = takeQueueKey(process.env);
  if (options.queue !== undefined) checkUrl(options.queue);
  const plan = huntPlanOf(file, options);
  const folder = plan.corpus ?? resolve('results/fuzz');
  const report = await runHunt({
    plan,
    folder,
    out: options.out === undefined ? join(folder, 'findings') : resolve(options.out),
    accel: options.accel,
    queue: options.queue === undefined ? null : { url: options.queue, key },
    minimiseMs: options.minimise * 1000,
    before: () => null,
    signal,
    stream: process.stderr,
    again: sameCommand,
    onReport: () => undefined,
  });
  if (options.json) process.stdout.write(`${JSON.stringify(summaryOf(report), null, 2)}\n`);
  else process.stdout.write(huntText(report));
  return huntStatus(report);
}

/** The words of scripts. */
function summaryOf({
  seed,
  kernels,
  folder,
  out,
  end,
  executions,
  ms,
  counts,
  rungs,
  spent,
  hours,
  curve,
  findings,
}: HuntReport) {
  const totals = { next: executions, at: ms, counts, rungs, spent, hours, curve };
  return { seed, kernels, folder, out, end, totals, findings };
}
