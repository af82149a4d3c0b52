// SPDX-License-Identifier: Apache-2.0
// `lab run`: scenarios to verdicts. Everything that can be wrong with the words is found before anything is started.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { mismatchesOf, predictScenario, readByLast } from '../compat/index.js';
import { ensureHostTools, ensureKernel, ensureRootFs, findProgram, type ImageContext } from '../images/index.js';
import { defaultCacheDir } from '../images/cache.js';
import type { Event } from '../model/event.js';
import type { KernelImage, RootFs } from '../model/image.js';
import type { Result } from '../model/result.js';
import type { Scenario } from '../model/scenario.js';
import { runStages, type Task } from '../report/progress.js';
import { seconds } from '../report/style.js';
import { verdictText } from '../report/verdict-text.js';
import { chooseAccel, type AccelAnswer } from '../run/accel.js';
import { execute } from '../run/execute.js';
import { demandsHandover, handoverFormat, looksIntoHandover, type HandoverFormat } from '../run/format.js';
import { mismatchesSeen } from '../run/mismatches.js';
import { buildResult, Timeline } from '../run/result.js';
import type { RunPlan } from '../run/context.js';
import { lacksOfKernels, lacksOfQemu, type Lack } from '../run/hardware.js';
import { loadScenario, ScenarioError } from '../scenario/index.js';
import { RunFolder, runId } from '../store/run-folder.js';
import { QEMU } from '../qemu/process.js';
import { startClock } from '../util/clock.js';
import { LabError } from '../util/errors.js';
import { removeAtEnd } from '../util/reaper.js';
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
}

export function runCommand(): Command {
  return new Command('run')
    .description('runs scenarios; sets up what is missing first')
    .argument('<scenario...>', 'scenario files')
    .option('--from <kernel>', 'the kernel that hands over, instead of the scenario\'s')
    .option('--to <kernel>', 'the kernel that takes over, instead of the scenario\'s')
    .addOption(new Option('--accel <how>', 'KVM is used where a real kernel boots on it').choices(['auto', 'kvm', 'tcg']).default('auto'))
    .option('--keep', 'keep the machine\'s private folder (console, monitor socket)')
    .option('--results <dir>', 'folder for the results', 'results')
    .option('--json', 'print the result as JSON; progress goes to standard error')
    .option('--timeout <seconds>', 'deadline of each run', positive)
    .action(async (files: string[], options: RunOptions) => {
      process.exitCode = await runScenarios(files, options);
    });
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

interface Prepared {
  kernels: KernelImage[];
  rootfs: RootFs;
  accel: AccelAnswer;
  formats: (HandoverFormat | null)[];
}

async function runOne(scenario: Scenario, options: RunOptions): Promise<Result> {
  const stopped = interruption();
  let prepared: Prepared | null = null;
  let done: { result: Result; folder: string } | null = null;
  try {
    await runStages([
      ...setUpStages(scenario, options, stopped.signal, (ready) => (prepared = ready)),
      { title: `${scenario.name}: ${scenario.kernels.join(' -> ')}`, run: async (task) => { done = await runPrepared(scenario, prepared as unknown as Prepared, options, task, stopped.signal); } },
    ], process.stderr);
  } finally {
    stopped.release();
  }
  const { result, folder } = done as unknown as { result: Result; folder: string };
  if (!options.json) process.stdout.write(verdictText(result, folder, process.stdout));
  return result;
}

function setUpStages(scenario: Scenario, options: RunOptions, signal: AbortSignal, ready: (prepared: Prepared) => void) {
  const images = new Map<string, KernelImage>();
  const formats = new Map<string, HandoverFormat>();
  let rootfs: RootFs | null = null;
  const context = (task: Task): ImageContext => ({
    signal,
    onProgress: ({ task: what, done, of, detail }) => task.detail([what, of === null || of === 0 ? '' : `${Math.min(99, Math.floor((done / of) * 100))} %`, detail ?? ''].filter(Boolean).join('  ')),
  });
  return [
    {
      title: 'host packages', run: async (task: Task) => {
        await ensureHostTools(context(task));
        demand(await lacksOfQemu(scenario, findProgram(QEMU) ?? QEMU, defaultCacheDir()), scenario);
      },
    },
    ...[...new Set(scenario.kernels)].map((name) => ({
      title: `kernel ${name}`, run: async (task: Task) => void images.set(name, await ensureKernel(name, context(task))),
    })),
    // The last kernel hands nothing over.
    ...(looksIntoHandover(scenario) ? [...new Set(scenario.kernels.slice(0, -1))] : []).map((name) => ({
      title: `handover format of ${name}`, run: async (task: Task) => {
        try {
          formats.set(name, await handoverFormat(images.get(name) as KernelImage, context(task)));
        } catch (error) {
          if (demandsHandover(scenario) || !(error instanceof LabError)) throw error;
        }
      },
    })),
    { title: 'root file system', run: async (task: Task) => { rootfs = await ensureRootFs(context(task)); } },
    {
      title: 'accelerator', run: async (task: Task) => {
        const kernels = scenario.kernels.map((name) => images.get(name) as KernelImage);
        demand(lacksOfKernels(scenario, kernels), scenario);
        const memory = join(defaultCacheDir(), 'host', 'accel.json');
        const accel = await chooseAccel(options.accel, kernels[0] as KernelImage, rootfs as unknown as RootFs, memory, (text) => task.detail(text));
        ready({ kernels, rootfs: rootfs as unknown as RootFs, accel, formats: scenario.kernels.map((name) => formats.get(name) ?? null) });
      },
    },
  ];
}

/** What QEMU or a kernel lacks is a scenario that cannot be run here: nothing is started. */
function demand(lacks: readonly Lack[], { source }: Scenario): void {
  if (lacks.length > 0) throw new ScenarioError(lacks.map(({ pos, message, hint }) => ({ ...pos, message, hint })), source);
}

async function runPrepared(scenario: Scenario, { kernels, rootfs, accel, formats }: Prepared, options: RunOptions, task: Task, signal: AbortSignal): Promise<{ result: Result; folder: string }> {
  const id = runId(new Date(), scenario.name, [kernels[0]?.name ?? '', kernels.at(-1)?.name ?? '']);
  const folder = new RunFolder(options.results, id);
  const dir = mkdtempSync(join(tmpdir(), 'lab-'));
  if (!options.keep) removeAtEnd(dir);
  const plan: RunPlan = { id, scenario, kernels, rootfs, accel: accel.accel, dir, formats };
  const timeline = new Timeline();
  const clock = startClock();
  try {
    const record = await execute(plan, {
      event: (event) => {
        folder.event(event);
        timeline.take(event);
        const text = progressText(event);
        if (text !== null) task.detail(text);
      },
      console: (chunk) => folder.console(chunk),
      qmp: (direction, text) => folder.line('qmp', clock.now(), direction, text),
      agent: (direction, text) => folder.line('agent', clock.now(), direction, text),
    }, AbortSignal.any([signal, folder.failed]));
    const result = buildResult(plan, record, {
      predicted: predictScenario(scenario, kernels), mismatches: mismatchesSeen(mismatchesOf(scenario, kernels), record, (component) => readByLast(scenario, kernels, component)), timeline: timeline.entries, labVersion: labVersion(),
    });
    return { result, folder: folder.finish(result, scenario.source) };
  } catch (error) {
    folder.discard();
    throw folder.failed.aborted ? folder.failed.reason : error;
  } finally {
    if (!options.keep) rmSync(dir, { recursive: true, force: true });
  }
}

/** One sentence of what the machine does now; null for events that are too small to show. */
function progressText(event: Event): string | null {
  switch (event.kind) {
    case 'task':
      return event.state === 'start' ? `${event.task} (${seconds(event.t)})` : null;
    case 'epoch':
      return event.mark === 'boot' ? `kernel ${event.release} boots` : `user space of ${event.release} is up`;
    case 'kexec':
      return event.state === 'going' ? 'kexec' : null;
    case 'step':
      return event.index % 50 === 0 ? `${event.op} ${event.target}` : null;
    default:
      return null;
  }
}
