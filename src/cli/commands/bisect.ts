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
  TARGET_ARGUMENT,
  type ReproTarget,
  type TargetOptions,
  kernelsOf,
  withTarget,
  withTargetOptions,
} from '../run/target.js';
import { interruptible, onInterruptKept, continuingCommand } from '../common/interrupt.js';
import { collect, decimal, jobs, timeout, wholeNumber } from '../common/option-values.js';
import { trialMachines } from '../run/trial-machines.js';

const OVERS = ['kernels', 'commits', 'options', 'changes'] as const;
const ROLES = ['from', 'to', 'both'] as const;

export interface BisectOptions extends TargetOptions {
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
  rebuild?: boolean;
  /** The older name of `rebuild`. */
  anew?: boolean;
  json?: boolean;
}

export function createCommand(): Command {
  const command = new Command('bisect')
    .description(
      'finds the first change that makes an update fail; the same command again continues an interrupted search',
    )
    .argument(
      '<run>',
      `${TARGET_ARGUMENT}; searches for the failure of the run, or for what the scenario does not expect`,
    )
    .requiredOption('--good <point>', 'a kernel, or a commit of --tree, where the update does not fail')
    .requiredOption('--bad <point>', 'one where it fails')
    .addOption(
      new Option(
        '--over <what>',
        'kernels: kernel definitions in version order; commits: commits of --tree; options: configuration options; ' +
          'changes: overlays, patches and configuration of a variant. Default: kernels, or commits with --tree',
      ).choices(OVERS),
    )
    .addOption(new Option('--as <role>', 'which kernel of the update to vary').choices(ROLES).default('to'))
    .option('--tree <folder>', 'bisect over the commits of this kernel git tree; the tree is not changed')
    .option(
      '--base <kernel>',
      'with --tree: the definition that gives configuration and patches; by default that of the run or scenario',
    )
    .option('--path <path>', 'with --tree: only commits that touch this path (repeatable)', collect)
    .option('--kernels <names>', 'the kernels in order: A,B,C', (text: string) =>
      text
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean),
    );
  return withTargetOptions(command)
    .option('--jobs <n>', 'run at most this many machines at once', jobs)
    .option('--times <n>', 'run each end this many times, to learn how often it fails', wholeNumber(1, 100), 3)
    .option('--confidence <percent>', 'how sure to be that a good point is good', decimal('percent', 50, 99.9), 95)
    .option('--timeout <seconds>', 'end each run after this time', timeout)
    .option('--rebuild', 'forget what an earlier search with the same options found')
    .addOption(new Option('--anew', 'the same as --rebuild').hideHelp())
    .option('--json', 'print as JSON')
    .action(async (word: string, options: BisectOptions) => {
      await withTarget(word, options, (target) => interruptible((signal) => bisectTarget(target, options, signal)));
    });
}

async function bisectTarget(target: ReproTarget, options: BisectOptions, signal: AbortSignal): Promise<void> {
  const began = performance.now();
  const folder = join(defaultCacheDir(), 'bisect', keyOf(target, options));
  const lock = await tryLock(`${folder}.lock`, signal);
  if (lock === null) throw new LabError('another lab runs the same bisection', { hint: 'wait until it has ended' });
  try {
    if (options.rebuild || options.anew) rmSync(folder, { recursive: true, force: true });
    const axis = await axisOf(target, options, folder, signal);
    const journal = new Journal(join(folder, 'journal.jsonl'));
    onInterruptKept(() => [
      `${journal.tried.size} of ${axis.points.length} points are known; to go on (--rebuild forgets them): ` +
        continuingCommand(),
    ]);
    if (journal.tried.size > 0)
      process.stderr.write(
        `continues: ${journal.tried.size} of ${axis.points.length} points are known (--rebuild forgets them)\n`,
      );
    const found = await run(target, axis, journal, options, signal);
    process.stdout.write(
      options.json
        ? `${JSON.stringify({ ...found, points: axis.points }, null, 2)}\n`
        : bisectText(found, axis, options, performance.now() - began),
    );
  } finally {
    lock.release();
  }
}

/** A search may only continue from one that asked the same question. */
function keyOf(
  { text, scenario, run }: ReproTarget,
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

async function axisOf(
  { scenario }: ReproTarget,
  options: BisectOptions,
  folder: string,
  signal: AbortSignal,
): Promise<Axis> {
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
  target: ReproTarget,
  axis: Axis,
  journal: Journal,
  options: BisectOptions,
  signal: AbortSignal,
): Promise<Bisected> {
  // The other kernel is exactly that of the run. The one that varies is what its name means now.
  const unchanged = withKernel(target.scenario.kernels, '', options.as);
  const images = new Map<string, KernelImage>();
  await runStages(
    kernelsOf({ ...target, scenario: { ...target.scenario, kernels: unchanged } }, images, signal),
    process.stderr,
  );
  const preparation = new Preparation({ accel: options.accel, signal, images });
  const { machines, jobs: maxJobs } = trialMachines(preparation, options.jobs ?? null);
  return inStage(
    `bisect ${axis.points.length - 1} changes`,
    (task) => {
      let stage = '';
      const prepare = async (index: number): Promise<Scenario> => {
        const scenario = parseScenario(target.text, target.file, {
          kernels: withKernel(target.scenario.kernels, axis.kernel(index), options.as),
          timeout: options.timeout,
          kernelProblem: target.kernelProblem,
          rule: target.rule,
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
        wanted: target.run?.failure ?? null,
        times: options.times,
        confidence: options.confidence / 100,
        jobs: maxJobs,
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
