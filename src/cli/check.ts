// SPDX-License-Identifier: Apache-2.0
// `lab check`: says before anything is booted whether an update, and the way back from it, will work.
import { Command } from 'commander';
import { carriedBy } from '../compat/index.js';
import type { ImageContext } from '../images/index.js';
import type { KernelImage } from '../model/image.js';
import type { Scenario } from '../model/scenario.js';
import { loadScenario } from '../scenario/index.js';
import { UsageError } from '../util/errors.js';
import { kernelImages, kernelProblem } from './check-kernels.js';
import { type CheckReport, type Pair, reportOf } from './check-report.js';
import { checkText } from './check-text.js';
import { EXIT_INFRA } from './exit.js';
import { interruptible } from './images.js';

interface CheckOptions {
  from?: string;
  to?: string;
  scenario?: string;
  cmdlineFrom?: string;
  cmdlineTo?: string;
  json?: boolean;
}

export function checkCommand(): Command {
  return new Command('check')
    .description('predicts, without booting, whether an update and the way back will work. Exit status: 1 if the update will not, 3 if that cannot be known')
    .option('--from <kernel>', 'the kernel that hands over: a name or a path')
    .option('--to <kernel>', 'the kernel that takes over')
    .option('--scenario <file>', 'what this scenario carries, on its kernels and command lines; without it, all that a kernel can carry')
    .option('--cmdline-from <parameters>', 'added to the kernel command line of --from')
    .option('--cmdline-to <parameters>', 'added to the kernel command line of --to')
    .option('--json', 'print as JSON')
    .action((options: CheckOptions) => interruptible((context) => check(options, context)));
}

async function check(options: CheckOptions, context: ImageContext): Promise<void> {
  const reports = (await pairs(options, context)).map(reportOf);
  if (options.json) process.stdout.write(`${JSON.stringify(reports.length === 1 ? reports[0] : reports, null, 2)}\n`);
  else process.stdout.write(reports.map((report) => checkText(report, process.stdout)).join('\n'));
  process.exitCode = exitStatus(reports);
}

/** 0: the update will work; 1: it will not; 3: that cannot be known. Of several updates, one that will not decides. */
function exitStatus(reports: readonly CheckReport[]): number {
  if (reports.some(({ compatible }) => compatible === false)) return 1;
  return reports.some(({ compatible }) => compatible === null) ? EXIT_INFRA : 0;
}

/** One pair for two kernels; one for every update of a scenario that is a chain. */
async function pairs({ from, to, scenario: file, cmdlineFrom = '', cmdlineTo = '' }: CheckOptions, context: ImageContext): Promise<Pair[]> {
  const scenario = file === undefined ? null : await loadScenario(file, { from, to, kernelProblem });
  const names = scenario?.kernels ?? [from, to].filter((name) => name !== undefined);
  if (scenario === null && (from === undefined || to === undefined)) {
    throw new UsageError('two kernels are needed: say --from and --to, or --scenario with a file that names them');
  }
  const images = await kernelImages(names, context);
  const kernels = names.map((name) => images.get(name) as KernelImage);
  const last = kernels.length - 1;
  const cmdline = (epoch: number): string =>
    [scenario?.cmdlines[epoch] ?? '', epoch === 0 ? cmdlineFrom : '', epoch === last ? cmdlineTo : ''].filter((part) => part !== '').join(' ');
  const about = { scenario: scenario && { name: scenario.name, file: scenario.file }, ...carried(scenario) };
  return kernels.slice(1).map((next, epoch) => ({ from: kernels[epoch] as KernelImage, to: next, cmdlineFrom: cmdline(epoch), cmdlineTo: cmdline(epoch + 1), ...about }));
}

function carried(scenario: Scenario | null): Pick<Pair, 'uses' | 'objectNeeds'> {
  return scenario === null ? { uses: null, objectNeeds: null } : carriedBy(scenario);
}
