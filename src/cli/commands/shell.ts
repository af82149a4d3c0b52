// SPDX-License-Identifier: Apache-2.0
// `lab shell`: runs a scenario and stops at breakpoints, with a prompt in the machine and, with --gdb, a debugger.
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { ensureSymbols } from '../../images/index.js';
import { requireMemory } from '../../host/capacity.js';
import type { KernelImage } from '../../model/kernel/image.js';
import { perform, type Performed } from '../../perform/perform.js';
import { Preparation } from '../../perform/prepare.js';
import { runStages, type Stage } from '../../report/live/progress.js';
import { verdictText } from '../../report/text/verdict.js';
import { failureOf, failureText, sameFailure } from '../../repro/rerun/failure.js';
import type { DebuggedKernel } from '../../repro/shell/debugger.js';
import { pauseAtPoints } from '../../repro/shell/pause.js';
import { type Point, POINTS, POINTS_TEXT, takesDebugger } from '../../run/index.js';
import { UsageError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import { nearest } from '../../util/text/nearest.js';
import { packageRoot } from '../../util/package-root.js';
import { removeTemp, makeTemp } from '../../util/process/reaper.js';
import {
  TARGET_ARGUMENT,
  type ReproTarget,
  type TargetOptions,
  kernelsOf,
  withTarget,
  withTargetOptions,
} from '../run/target.js';
import { showOn } from '../common/show-progress.js';
import { interruptible } from '../common/interrupt.js';
import { runSetUp } from '../common/set-up.js';
import { collect } from '../common/option-values.js';
import { labVersion } from '../common/version.js';

interface ShellOptions extends TargetOptions {
  stopAt?: Point[];
  command?: string[];
  keep?: boolean;
  gdb?: boolean;
  break?: string;
  symbols: boolean;
}

const DEFAULT_SCENARIO = 'scenarios/first-update.yaml';
/** A fault at the jump uses QEMU's debugger stub until then. */
const BEFORE_THE_JUMP: readonly Point[] = ['booted', 'preserved', 'before-kexec'];

export function createCommand(): Command {
  const command = new Command('shell')
    .description('runs a scenario and stops at breakpoints with a prompt in the machine; `exit` lets the run continue')
    .argument('[run]', TARGET_ARGUMENT)
    .option(
      '--stop-at <point>',
      `where to stop: ${POINTS.map((point) => `${point} (${POINTS_TEXT[point]})`).join('; ')}; ` +
        'booted by default (repeatable)',
      points,
    )
    .option('--command <command>', 'run this in the machine at each point instead of a prompt (repeatable)', collect)
    .option('--keep', 'if the update fails, hold the machine at the verdict with its console, monitor and memory')
    .option('--gdb', "open QEMU's debugger stub and print the line that attaches gdb; no deadline ends the run")
    .option('--break <function>', 'a function of the next kernel for the printed breakpoint')
    .option(
      '--no-symbols',
      'with --gdb: do not build kernels with debug information; gdb then shows functions, but no lines',
    );
  return withTargetOptions(command, 'folder of the results in which to look for the run').action(
    async (word: string | undefined, options: ShellOptions) => {
      await withTarget(word ?? join(packageRoot(), DEFAULT_SCENARIO), options, (target) =>
        interruptible((signal) => shell(target, options, signal)),
      );
    },
  );
}

function points(text: string, before: Point[] = []): Point[] {
  const point = POINTS.find((known) => known === text);
  const near = nearest(text, POINTS);
  if (point === undefined)
    throw new InvalidArgumentError(
      `expected one of ${POINTS.join(', ')}${near === null ? '' : `; did you mean ${near}?`}`,
    );
  return [...before, point];
}

async function shell(target: ReproTarget, options: ShellOptions, signal: AbortSignal): Promise<void> {
  const { scenario } = target;
  const stopAt = options.stopAt ?? (options.keep ? [] : (['booted'] satisfies Point[]));
  if (options.break !== undefined && !options.gdb) throw new UsageError('--break works only with --gdb');
  if (options.gdb && takesDebugger(scenario.steps) && stopAt.some((point) => BEFORE_THE_JUMP.includes(point))) {
    throw new UsageError(
      "a fault of this scenario uses QEMU's only debugger stub up to the jump, so gdb can only attach after it",
      { hint: '--gdb with --stop-at next-kernel, before-open or verdict' },
    );
  }
  requireMemory(scenario.machine.memory);
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const results = makeTemp(join(tmpdir(), 'lab-shell-'));
  try {
    const images = new Map<string, KernelImage>();
    await runSetUp(kernelsOf(target, images, signal));
    const preparation = new Preparation({ accel: options.accel, signal, images });
    await runSetUp(preparation.stages([scenario]));
    const prepared = preparation.of(scenario);
    const breakAt =
      options.break === undefined ? 'start_kernel' : knownFunction(options.break, prepared.kernels.slice(1));
    const debugged = options.gdb
      ? await debuggedKernels(
          scenario.kernels,
          prepared.kernels,
          options.symbols ? target.mayResolveKernel : null,
          signal,
        )
      : null;
    const { result, folder }: Performed = await perform(scenario, prepared, {
      results,
      labVersion: labVersion(),
      signal,
      onEvent: () => undefined,
      noDeadlines: options.gdb === true,
      hold: pauseAtPoints({
        scenario,
        points: stopAt,
        commands: options.command ?? [],
        keep: options.keep === true,
        debugged,
        breakAt,
        terminal: { input: process.stdin, output: process.stdout },
        say,
        signal,
      }),
    });
    // A person may have changed the run by hand: print the verdict, but keep no result.
    process.stderr.write(verdictText(result, folder, process.stderr).replace(/\n[^\n]*\n$/, '\n'));
    const [then, now] = [target.run?.failure ?? null, failureOf(result)];
    if (then !== null && !sameFailure(then, now)) {
      say(
        `not the same failure: ${printable(failureText(then), 300)} then, ${printable(failureText(now), 300)} now` +
          (options.gdb ? '; a failure that depends on timing may vanish under a debugger' : ''),
      );
    }
  } finally {
    removeTemp(results);
  }
}

async function debuggedKernels(
  names: readonly string[],
  kernels: readonly KernelImage[],
  mayBuild: ((kernel: string) => boolean) | null,
  signal: AbortSignal,
): Promise<DebuggedKernel[]> {
  const debugged = kernels.map((kernel, epoch): DebuggedKernel => ({
    name: names[epoch] ?? kernel.name,
    vmlinux: kernel.vmlinux,
    why: mayBuild === null ? '--no-symbols' : 'the bundle uses a kernel name that this lab does not define',
  }));
  if (mayBuild === null) return debugged;
  await runStages(
    [...new Set(names)].filter(mayBuild).map((name): Stage => ({
      title: `symbols of ${name}`,
      run: async (task) => {
        const { vmlinux, why } = await ensureSymbols(name, kernels[names.indexOf(name)] as KernelImage, {
          signal,
          onProgress: showOn(task),
        });
        for (const [epoch, other] of names.entries()) if (other === name) debugged[epoch] = { name, vmlinux, why };
      },
    })),
    process.stderr,
  );
  return debugged;
}

/** Throws a UsageError with the nearest name if a kernel does not have the function. */
function knownFunction(name: string, kernels: readonly KernelImage[]): string {
  for (const { systemMap, name: kernel } of kernels) {
    if (systemMap === null) continue;
    const functions = [...readFileSync(systemMap, 'latin1').matchAll(/^[0-9a-f]+ [tTwW] (\S+)$/gm)].map(
      ([, found = '']) => found,
    );
    if (functions.includes(name)) return name;
    const near = nearest(
      name,
      functions.filter((other) => other[0] === name[0] && Math.abs(other.length - name.length) < 4),
    );
    throw new UsageError(`${kernel} has no function ${name}${near === null ? '' : `; did you mean ${near}?`}`);
  }
  return name;
}
