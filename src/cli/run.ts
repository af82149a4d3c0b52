// SPDX-License-Identifier: Apache-2.0
// `lab run`: scenarios to verdicts. Everything that can be wrong with the words is found before anything is started.
import { Command, InvalidArgumentError, Option } from 'commander';
import { MEMORY_KEPT, type MemoryKept } from '../model/memory-image.js';
import type { Result } from '../model/result.js';
import type { Scenario } from '../model/scenario.js';
import { perform, type Performed } from '../perform/perform.js';
import { Preparation } from '../perform/prepare.js';
import { runStages } from '../report/progress.js';
import { shortChain } from '../report/square.js';
import { progressText } from '../report/progress-text.js';
import { verdictText } from '../report/verdict-text.js';
import { loadScenario } from '../scenario/index.js';
import { kernelProblem } from './check-kernels.js';
import { exitCodeOf } from './exit.js';
import { interruption } from './interrupt.js';
import { labVersion } from './version.js';

interface RunOptions {
  from?: string;
  to?: string;
  accel: 'auto' | 'kvm' | 'tcg';
  results: string;
  json?: boolean;
  keep?: boolean;
  timeout?: number;
  memoryImage: MemoryKept;
}

export function runCommand(): Command {
  return new Command('run')
    .description('runs scenarios; sets up what is missing first')
    .argument('<scenario...>', 'scenario files')
    .option('--from <kernel>', 'the kernel that hands over, instead of the scenario\'s')
    .option('--to <kernel>', 'the kernel that takes over, instead of the scenario\'s')
    .addOption(new Option('--accel <how>', 'KVM is used where a real kernel boots on it').choices(['auto', 'kvm', 'tcg']).default('auto'))
    .option('--keep', 'keep the machine\'s private folder (console, monitor socket)')
    .addOption(memoryOption())
    .option('--results <dir>', 'folder for the results', 'results')
    .option('--json', 'print the result as JSON; progress goes to standard error')
    .option('--timeout <seconds>', 'deadline of each run', positive)
    .action(async (files: string[], options: RunOptions) => {
      process.exitCode = await runScenarios(files, options);
    });
}

/** When memory is kept with the run. */
export function memoryOption(): Option {
  return new Option('--memory-image <when>', 'keep the machine\'s memory with the run, for `lab dump`; `always`: also what is handed over, as it stands at each kexec').choices(MEMORY_KEPT).default('unexpected');
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('expected a number of seconds above zero.');
  return value;
}

async function runScenarios(files: readonly string[], options: RunOptions): Promise<number> {
  const overrides = {
    ...(options.from === undefined ? {} : { from: options.from }), ...(options.to === undefined ? {} : { to: options.to }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    kernelProblem,
  };
  const scenarios: Scenario[] = [];
  for (const file of files) scenarios.push(await loadScenario(file, overrides));

  const results: Result[] = [];
  for (const scenario of scenarios) results.push(await runOne(scenario, options));
  if (options.json) process.stdout.write(`${JSON.stringify(results.length === 1 ? results[0] : results, null, 2)}\n`);
  return exitCodeOf(results);
}

async function runOne(scenario: Scenario, options: RunOptions): Promise<Result> {
  const stopped = interruption();
  const { signal } = stopped;
  const preparation = new Preparation({ accel: options.accel, signal, everyHandover: options.memoryImage === 'always' });
  let done: Performed | null = null;
  try {
    await runStages([
      ...preparation.stages([scenario]),
      {
        title: `${scenario.name}: ${shortChain(scenario.kernels)}`,
        run: async (task) => {
          done = await perform(scenario, preparation.of(scenario), {
            results: options.results, labVersion: labVersion(), signal, keep: options.keep === true, memory: options.memoryImage,
            onEvent: (event) => {
              const text = progressText(event);
              if (text !== null) task.detail(text);
            },
          });
        },
      },
    ], process.stderr);
  } finally {
    stopped.release();
  }
  const { result, folder } = done as unknown as Performed;
  if (!options.json) process.stdout.write(verdictText(result, folder, process.stdout));
  return result;
}
