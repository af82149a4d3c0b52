// SPDX-License-Identifier: Apache-2.0
// `lab bisect`: the first change between a good kernel and a bad one that makes an update fail.
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { defaultCacheDir } from '../../images/cache/cache.js';
import { buildableNames } from '../../images/index.js';
import type { KernelImage } from '../../model/kernel/image.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { Preparation } from '../../perform/prepare.js';
import { inStage, runStages } from '../../report/live/progress.js';
import { type Axis, overChanges, overCommits, overKernels, overOptions } from '../../repro/bisect/axis.js';
import { bisect, type Bisected } from '../../repro/bisect/bisect.js';
import { Journal } from '../../repro/bisect/journal.js';
import { parseScenario } from '../../scenario/index.js';
import { LabError, UsageError } from '../../util/errors.js';
import { tryLock } from '../../util/process/lock.js';
import { bisectText } from '../text/bisect.js';
import {
  A_RUN_OR_SCENARIO,
  type Given,
  type GivenOptions,
  kernelsOf,
  withGiven,
  withGivenOptions,
} from '../run/target.js';
import { interruptible } from '../interrupt.js';
import { collect, jobs, number } from '../option-values.js';
import { trialMachines } from '../run/trial-machines.js';

const OVERS = ['kernels', 'commits', 'options', 'changes'] as const;
const ROLES = ['from', 'to', 'both'] as const;

export interface BisectOptions extends GivenOptions {
  good: string;
  bad: string;
  over?: (typeof OVERS)[number];
  as: (typeof ROLES)[number];
  tree?: string;
  base?: string;
  path?: string[];
  kernels?: string[];
  jobs?: number;
  times: number;
  confidence: number;
  anew?: boolean;
  json?: boolean;
}

export function bisectCommand(): Command {
  const command = new Command('bisect')
    .description('finds the first change that makes an update fail; goes on where it was when it is called again')
    .argument(
      '<run>',
      `${A_RUN_OR_SCENARIO}: the failure of the run is looked for, or what is not as the scenario expects`,
    )
    .requiredOption('--good <point>', 'where it does not fail: a kernel, or a commit of --tree')
    .requiredOption('--bad <point>', 'where it fails')
    .addOption(
      new Option(
        '--over <what>',
        'kernels: definitions in the order of their versions; commits: those of --tree; options: of the configuration; changes: overlays, patches and configuration of a variant. kernels without it',
      ).choices(OVERS),
    )
    .addOption(new Option('--as <role>', 'which kernel of the update it is').choices(ROLES).default('to'))
    .option('--tree <folder>', 'a local git tree of the kernel: bisects over its commits; it is not touched')
    .option(
      '--base <kernel>',
      'with --tree: the definition that gives configuration and patches; by default that of the run or scenario',
    )
    .option('--path <path>', 'with --tree: only commits that touch this; may be given more than once', collect)
    .option('--kernels <names>', 'kernels in order, A,B,C', (text: string) =>
      text
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean),
    );
  return withGivenOptions(command)
    .option('--jobs <n>', 'machines at once', jobs)
    .option('--times <n>', 'runs of each end: how often it fails', number('a whole number', 1, 100), 3)
    .option('--confidence <percent>', 'how sure to be of each good point', number('percent', 50, 99.9, false), 95)
    .option('--timeout <seconds>', 'deadline of each run', number('seconds', 1, 86_400, false))
    .option('--anew', 'forget what an earlier call of the same words has found out')
    .option('--json', 'print as JSON')
    .action(async (word: string, options: BisectOptions) => {
      await withGiven(word, options, (given) => interruptible((signal) => bisectGiven(given, options, signal)));
    });
}

async function bisectGiven(wanted: Given, options: BisectOptions, signal: AbortSignal): Promise<void> {
  const began = performance.now();
  const folder = join(defaultCacheDir(), 'bisect', keyOf(wanted, options));
  const lock = await tryLock(`${folder}.lock`, signal);
  if (lock === null) throw new LabError('another lab is at this very bisection', { hint: 'wait for it' });
  try {
    if (options.anew) rmSync(folder, { recursive: true, force: true });
    const axis = await axisOf(wanted, options, folder, signal);
    const journal = new Journal(join(folder, 'journal.jsonl'));
    if (journal.tried.size > 0)
      process.stderr.write(
        `goes on where it was: ${journal.tried.size} of ${axis.points.length} points are known (--anew forgets them)\n`,
      );
    const found = await run(wanted, axis, journal, options, signal);
    process.stdout.write(
      options.json
        ? `${JSON.stringify({ ...found, points: axis.points }, null, 2)}\n`
        : bisectText(found, axis, options, performance.now() - began),
    );
  } catch (error) {
    if (signal.aborted)
      process.stderr.write('what was found out so far is kept: the same words go on from there, --anew forgets it\n');
    throw error;
  } finally {
    lock.release();
  }
}

/** All that makes it this question and no other. */
function keyOf(
  { text, scenario, run }: Given,
  { good, bad, over, as, tree, base, path, kernels }: BisectOptions,
): string {
  const question = [
    text,
    scenario.kernels,
    run?.failure ?? null,
    good,
    bad,
    over ?? null,
    as,
    tree === undefined ? null : resolve(tree),
    base ?? null,
    path ?? [],
    kernels ?? [],
  ];
  return createHash('sha256').update(JSON.stringify(question)).digest('hex').slice(0, 16);
}

async function axisOf({ scenario }: Given, options: BisectOptions, folder: string, signal: AbortSignal): Promise<Axis> {
  const { good, bad, tree } = options;
  const over = options.over ?? (tree === undefined ? 'kernels' : 'commits');
  if ((over === 'commits') !== (tree !== undefined))
    throw new UsageError('--over commits and --tree FOLDER go together');
  switch (over) {
    case 'commits':
      return overCommits({
        tree: resolve(tree as string),
        good,
        bad,
        base: options.base ?? ((options.as === 'from' ? scenario.kernels[0] : scenario.kernels.at(-1)) as string),
        paths: options.path ?? [],
        folder,
        signal,
      });
    case 'options':
      return overOptions(good, bad, folder);
    case 'changes':
      return overChanges(good, bad, folder);
    default:
      return overKernels(options.kernels ?? buildableNames(), good, bad);
  }
}

async function run(
  wanted: Given,
  axis: Axis,
  journal: Journal,
  options: BisectOptions,
  signal: AbortSignal,
): Promise<Bisected> {
  // The kernel that stays is that of the run; what is bisected over is what its name says now.
  const stays = withKernel(wanted.scenario.kernels, '', options.as);
  const images = new Map<string, KernelImage>();
  await runStages(
    kernelsOf({ ...wanted, scenario: { ...wanted.scenario, kernels: stays } }, images, signal),
    process.stderr,
  );
  const preparation = new Preparation({ accel: options.accel, signal, images });
  const { machines, jobs: most } = trialMachines(preparation, options.jobs ?? null);
  return inStage(
    `bisect ${axis.points.length - 1} changes`,
    (task) => {
      let stage = '';
      const prepare = async (index: number): Promise<Scenario> => {
        const scenario = parseScenario(wanted.text, wanted.file, {
          kernels: withKernel(wanted.scenario.kernels, axis.kernel(index), options.as),
          timeout: options.timeout,
          kernelProblem: wanted.kernelProblem,
        });
        for (const each of preparation.stages([scenario]))
          await each.run({ detail: (text) => task.detail(`${stage}: ${text}`) });
        task.detail(`${stage}: runs`);
        return scenario;
      };
      return bisect({
        axis,
        journal,
        execute: machines.execute,
        prepare,
        wanted: wanted.run?.failure ?? null,
        times: options.times,
        confidence: options.confidence / 100,
        jobs: most,
        signal,
        onStage: (what) => task.detail((stage = what)),
      });
    },
    process.stderr,
  );
}

function withKernel(kernels: readonly string[], kernel: string, role: BisectOptions['as']): string[] {
  return kernels.map((before, epoch) =>
    role === 'both' || (role === 'from' && epoch === 0) || (role === 'to' && epoch === kernels.length - 1)
      ? kernel
      : before,
  );
}
