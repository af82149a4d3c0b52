// SPDX-License-Identifier: Apache-2.0
// `lab try`: tries a patch series on a base kernel, and writes what it found as a mail could say it.
import { Command } from 'commander';
import type { TryReport } from '../../model/series/try.js';
import { tryText } from '../../report/try/text.js';
import { messageOf, UsageError } from '../../util/errors.js';
import { replaceFile } from '../../util/replace-file.js';
import { type Accel, accelOption, collect, jobs, timeout, trustOption } from '../common/option-values.js';
import { EXIT_INFRA, EXIT_USAGE } from '../common/exit.js';
import { interruptible, sameCommand } from '../common/interrupt.js';
import { type InputOptions, readInput } from './input.js';
import { startTrial } from './trial.js';

interface TryOptions extends InputOptions {
  search: boolean;
  resume?: boolean;
  jobs?: number;
  timeout?: number;
  accel: Accel;
  results: string;
  out?: string;
  json?: boolean;
}

export function createCommand(): Command {
  return new Command('try')
    .description('tries a patch series: updates to it, back from it and on with it, against the base alone')
    .argument('<series>', 'an mbox, a patch, a folder of patches; with --git, a range of commits such as A..B')
    .option('--base <kernel>', 'the kernel under the series; by default the newest release of the lab')
    .option('--git <tree>', 'take the commits of this git tree; without --base, build the commits themselves')
    .option('--scenario <file>', 'also run this scenario, on the same pairs (repeatable)', collect)
    .option('--no-search', 'do not look for the patch with which a finding begins')
    .option('--resume', 'continue the last trial of this series; no run is done twice')
    .option('--jobs <n>', 'run at most this many machines at once', jobs)
    .option('--timeout <seconds>', 'end each run after this time', timeout)
    .addOption(accelOption())
    .addOption(trustOption('the scenarios of --scenario'))
    .option('--results <dir>', 'folder of the results', 'results')
    .option('--out <file>', 'also write the report to this file')
    .option('--json', 'print the findings as JSON; progress goes to standard error')
    .action(async (what: string, options: TryOptions) => {
      process.exitCode = await interruptible((signal) => trySeries(what, options, signal));
    });
}

async function trySeries(what: string, options: TryOptions, signal: AbortSignal): Promise<number> {
  const input = await readInput(what, options, signal);
  const { accel, results, resume, jobs: most, trust, search, timeout: limit } = options;
  const cells = {
    accel,
    results,
    ...(resume === undefined ? {} : { resume }),
    ...(most === undefined ? {} : { jobs: most }),
    ...(trust === undefined ? {} : { trust }),
  };
  const trial = startTrial(
    input,
    { options: cells, signal },
    { command: sameCommand(), search, timeout: limit ?? null },
  );
  const report = await trial.result();
  const text = tryText(report);
  process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : text);
  if (options.out !== undefined) writeOut(options.out, text);
  return tryStatus(report);
}

function writeOut(path: string, text: string): void {
  try {
    replaceFile(path, text);
  } catch (cause) {
    throw new UsageError(`cannot write ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** The exit status is a contract (common/exit.ts). */
export function tryStatus({ stop, findings, rows, abi }: TryReport): number {
  if (stop?.kind === 'does-not-apply') return EXIT_USAGE;
  if (stop !== null || abi?.ok === false || findings.some(({ isWorse }) => isWorse)) return 1;
  // A flaky pair is no pass, and what the lab could not run says nothing.
  if (rows.some(({ state }) => state === 'flaky')) return 1;
  return rows.some(({ state }) => state === 'infra' || state === 'pending') ? EXIT_INFRA : 0;
}
