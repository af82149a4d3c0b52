// SPDX-License-Identifier: Apache-2.0
// `lab run`: runs scenarios and prints their verdicts. All scenarios are checked before the first machine starts.
import { Command } from 'commander';
import { requireMemory } from '../../host/capacity.js';
import { ruleFor, type TrustOption } from '../../host/trust.js';
import type { Result } from '../../model/result/result.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import type { Witness } from '../../model/result/witness.js';
import { Preparation } from '../../perform/prepare.js';
import { verdictText } from '../../report/text/verdict.js';
import { loadScenario } from '../../scenario/index.js';
import { shellQuote } from '../../util/text/shell-quote.js';
import { kernelProblem } from '../run/check-kernels.js';
import { exitCodeOf } from '../common/exit.js';
import { interruptible, onInterruptKept } from '../common/interrupt.js';
import { runSetUp } from '../common/set-up.js';
import {
  type Accel,
  accelFor,
  accelOption,
  decimal,
  trustOption,
  withKernels,
  withoutOption,
} from '../common/option-values.js';
import { type KeepOptions, performStage, withKeepOptions } from '../run/perform-stage.js';

interface RunOptions extends KeepOptions, TrustOption {
  from?: string;
  to?: string;
  accel: Accel;
  json?: boolean;
  timeout?: number;
  icount?: boolean;
  without?: Witness[];
  follow?: boolean;
}

export function createCommand(): Command {
  const command = new Command('run')
    .description('runs scenarios; builds or installs first what is missing')
    .argument('<scenario...>', 'scenario files');
  return withKeepOptions(withKernels(command))
    .addOption(accelOption())
    .addOption(withoutOption())
    .addOption(trustOption('scenarios'))
    .option(
      '--icount',
      "emulated processors count instructions, so the machine's time does not depend on the host's load",
    )
    .option('--follow', 'follow every page that is handed over, no matter who preserved it (docs/judge.md)')
    .option('--coverage', 'keep which code of live update ran; boots the machine')
    .option('--results <dir>', 'folder of the results', 'results')
    .option('--json', 'print the result as JSON; progress goes to standard error')
    .option('--timeout <seconds>', 'end each run after this time', decimal('seconds', 0.001, 86_400))
    .action(async (files: string[], options: RunOptions) => {
      process.exitCode = await runScenarios(files, options);
    });
}

async function runScenarios(files: readonly string[], options: RunOptions): Promise<number> {
  const overrides = {
    ...(options.from === undefined ? {} : { from: options.from }),
    ...(options.to === undefined ? {} : { to: options.to }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(options.without === undefined ? {} : { without: options.without }),
    icount: options.icount,
    kernelProblem,
  };
  const scenarios: Scenario[] = [];
  for (const file of files) scenarios.push(await loadScenario(file, { ...overrides, rule: ruleFor(file, options) }));
  for (const { machine } of scenarios) requireMemory(machine.memory);

  const results: Result[] = [];
  onInterruptKept(() =>
    results.length === 0
      ? []
      : [
          `the results of ${results.length} of ${scenarios.length} scenarios, in ${options.results}; ` +
            `to go on: lab run ${files.slice(results.length).map(shellQuote).join(' ')}`,
        ],
  );
  for (const scenario of scenarios)
    await interruptible(async (signal) => void results.push(await runOne(scenario, options, signal)));
  if (options.json) process.stdout.write(`${JSON.stringify(results.length === 1 ? results[0] : results, null, 2)}\n`);
  return exitCodeOf(results);
}

async function runOne(scenario: Scenario, options: RunOptions, signal: AbortSignal): Promise<Result> {
  const preparation = new Preparation({
    accel: accelFor(options),
    signal,
    everyHandover: options.memoryImage === 'always',
    follow: options.follow === true,
    kernels: options.coverage === true ? 'full' : 'as-needed',
  });
  await runSetUp(preparation.stages([scenario]));
  const { result, folder } = await performStage(scenario, '', preparation, options, signal);
  if (!options.json) process.stdout.write(verdictText(result, folder, process.stdout));
  return result;
}
