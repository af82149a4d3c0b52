// SPDX-License-Identifier: Apache-2.0
// `lab shell`: a run that is held at named points, with a prompt in the machine, and a debugger where one is wanted.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { ensureSymbols } from '../../images/index.js';
import type { KernelImage } from '../../model/kernel/image.js';
import { perform, type Performed } from '../../perform/perform.js';
import { Preparation } from '../../perform/prepare.js';
import { runStages, type Stage } from '../../report/live/progress.js';
import { verdictText } from '../../report/text/verdict.js';
import { failureOf, failureText, sameFailure } from '../../repro/rerun/failure.js';
import type { DebuggedKernel } from '../../repro/shell/debugger.js';
import { holdAtPoints } from '../../repro/shell/hold.js';
import { takesDebugger } from '../../run/update/kexec-breakpoint.js';
import { type Point, POINTS, POINTS_TEXT } from '../../run/engine/breakpoint.js';
import { UsageError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import { nearest } from '../../util/text/nearest.js';
import { packageRoot } from '../../util/package-root.js';
import { removeAtEnd } from '../../util/process/reaper.js';
import {
  A_RUN_OR_SCENARIO,
  type Given,
  type GivenOptions,
  kernelsOf,
  withGiven,
  withGivenOptions,
} from '../run/target.js';
import { showOn } from './images.js';
import { interruptible } from '../interrupt.js';
import { collect } from '../option-values.js';
import { labVersion } from '../version.js';

interface ShellOptions extends GivenOptions {
  stopAt?: Point[];
  command?: string[];
  keep?: boolean;
  gdb?: boolean;
  break?: string;
  symbols: boolean;
}

/** Where no scenario is named. */
const DEFAULT_SCENARIO = 'scenarios/first-update.yaml';
const BEFORE_THE_JUMP: readonly Point[] = ['booted', 'preserved', 'before-kexec'];

export function shellCommand(): Command {
  const command = new Command('shell')
    .description('runs a scenario and gives a prompt in the machine at named points; `exit` lets the run go on')
    .argument('[run]', A_RUN_OR_SCENARIO)
    .option(
      '--stop-at <point>',
      `where to stop, may be given more than once: ${POINTS.map((point) => `${point} (${POINTS_TEXT[point]})`).join('; ')}. booted without it`,
      points,
    )
    .option(
      '--command <command>',
      'run this in the machine at each point, in place of a prompt; may be given more than once',
      collect,
    )
    .option('--keep', 'where the update fails, hold the machine at the verdict with its console, monitor and memory')
    .option('--gdb', "open QEMU's debugger stub and print the line that puts gdb on it; no deadline ends the run")
    .option('--break <function>', 'function of the next kernel for the printed breakpoint')
    .option(
      '--no-symbols',
      'with --gdb: do not build kernels with debug information; gdb knows functions then, but no lines',
    );
  return withGivenOptions(command, 'folder of the results that a run is looked for in').action(
    async (word: string | undefined, options: ShellOptions) => {
      await withGiven(word ?? join(packageRoot(), DEFAULT_SCENARIO), options, (given) =>
        interruptible((signal) => shell(given, options, signal)),
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

async function shell(wanted: Given, options: ShellOptions, signal: AbortSignal): Promise<void> {
  const { scenario } = wanted;
  const stopAt = options.stopAt ?? (options.keep ? [] : (['booted'] satisfies Point[]));
  if (options.break !== undefined && !options.gdb) throw new UsageError('--break goes with --gdb');
  if (options.gdb && takesDebugger(scenario.steps) && stopAt.some((point) => BEFORE_THE_JUMP.includes(point))) {
    throw new UsageError(
      "a fault of this scenario stops the machine at the jump by QEMU's debugger stub, of which there is one",
      { hint: '--gdb with --stop-at next-kernel, before-open or verdict' },
    );
  }
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const results = mkdtempSync(join(tmpdir(), 'lab-shell-'));
  removeAtEnd(results);
  try {
    const images = new Map<string, KernelImage>();
    await runStages(kernelsOf(wanted, images, signal), process.stderr);
    const preparation = new Preparation({ accel: options.accel, signal, images });
    await runStages(preparation.stages([scenario]), process.stderr);
    const prepared = preparation.of(scenario);
    const breakAt =
      options.break === undefined ? 'start_kernel' : knownFunction(options.break, prepared.kernels.slice(1));
    const debugged = options.gdb
      ? await debuggedKernels(scenario.kernels, prepared.kernels, options.symbols ? wanted.mayAsk : null, signal)
      : null;
    const { result, folder }: Performed = await perform(scenario, prepared, {
      results,
      labVersion: labVersion(),
      signal,
      onEvent: () => undefined,
      noDeadlines: options.gdb === true,
      hold: holdAtPoints({
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
    // Somebody had a hand in it: it is told, and not kept.
    process.stderr.write(verdictText(result, folder, process.stderr).replace(/\n[^\n]*\n$/, '\n'));
    const [then, now] = [wanted.run?.failure ?? null, failureOf(result)];
    if (then !== null && !sameFailure(then, now)) {
      say(
        `not the same failure: ${printable(failureText(then), 300)} then, ${printable(failureText(now), 300)} now${options.gdb ? '; one that depends on time may vanish under a debugger' : ''}`,
      );
    }
  } finally {
    rmSync(results, { recursive: true, force: true });
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
    why: mayBuild === null ? 'as asked for by --no-symbols' : 'the bundle has a name of its own for it',
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

/** A function that a kernel has. Throws a UsageError with the nearest name. */
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
