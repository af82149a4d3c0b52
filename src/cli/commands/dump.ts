// SPDX-License-Identifier: Apache-2.0
// `lab dump`: shows the handover itself, from memory that a run kept or from a running machine.
import { Command, Option } from 'commander';
import { findImage, type ImageContext } from '../../images/index.js';
import type { HandoverDump } from '../../model/result/handover-dump.js';
import { type DumpLimits, dumpText } from '../../report/text/dump.js';
import { dumpMemory, writersOf } from '../../repro/dump.js';
import { chooseMachine, liveMachines, openLive } from '../../repro/live.js';
import { imagesOfRun, type KeptImage } from '../../store/run/images-of-run.js';
import { readMemoryImage } from '../../store/run/memory-image.js';
import { LabError, UsageError } from '../../util/errors.js';
import { withContext } from '../common/interrupt.js';
import { RUN_ARGUMENT, type OpenRun, type RunOptions, withRun, withRunOptions } from '../run/open-run.js';

interface DumpOptions extends RunOptions {
  live?: boolean | string;
  moment?: 'jump' | 'end';
  kernel?: string[];
  all?: boolean;
  json?: boolean;
}

const SHORT: DumpLimits = { sessions: 20, runs: 8 };
const ALL: DumpLimits = { sessions: Infinity, runs: Infinity };

export function createCommand(): Command {
  const command = new Command('dump')
    .description("shows the handover in a machine's memory: KHO tree, preserved map, LUO sessions, files, folios")
    .argument('[run]', `${RUN_ARGUMENT}, that has kept memory (lab run --memory-image)`)
    .option('--live [machine]', "read a running machine of the lab: part of its run's name, or its process id")
    .addOption(
      new Option('--moment <when>', 'which memory image of the run; by default the last jump, else the end').choices([
        'jump',
        'end',
      ]),
    )
    .option('--kernel <name...>', "use the layouts of these kernels instead of those of the run's kernels")
    .option('--all', 'list all sessions, files and folios');
  return withRunOptions(command)
    .option('--json', 'print as JSON')
    .action((run: string | undefined, options: DumpOptions) =>
      withContext(async (context) => {
        if ((run === undefined) === (options.live === undefined))
          throw new UsageError('expected a run or --live', { hint: 'lab dump RUN, or lab dump --live' });
        const dumps =
          run === undefined
            ? await dumpLive(options, context)
            : await withRun(run, options, (open) => dumpRun(open, options, context));
        if (dumps.length === 0) throw new LabError('this memory holds no root tree of a handover');
        process.stdout.write(
          options.json
            ? `${JSON.stringify(dumps, null, 2)}\n`
            : dumps.map((dump) => dumpText(dump, options.all ? ALL : SHORT)).join('\n'),
        );
      }),
    );
}

async function dumpRun(
  { name, folder, result: { kernels }, mayResolveKernel }: OpenRun,
  options: DumpOptions,
  context: ImageContext,
): Promise<HandoverDump[]> {
  const image = chosen(imagesOfRun(folder), options.moment ?? null);
  if (image === null) {
    throw new LabError(`${name} kept no memory${options.moment === undefined ? '' : ` of its ${options.moment}`}`, {
      hint: `lab repro ${name} --memory-image always   repeats the run and keeps it`,
    });
  }
  const memory = readMemoryImage(image.path);
  // At the jump the running kernel has written the handover; at the end it is the one before.
  const writing = kernels[image.moment === 'jump' ? image.epoch : image.epoch - 1] ?? kernels[0];
  const writers = await writersOf(
    options.kernel ?? [writing, ...kernels].flatMap((kernel) => kernel?.name ?? []).filter(mayResolveKernel),
    context,
  );
  return dumpMemory(memory, memory.head.root, writers);
}

function chosen(images: readonly KeptImage[], moment: 'jump' | 'end' | null): KeptImage | null {
  return (
    images.findLast((image) => image.moment === (moment ?? 'jump')) ??
    (moment === null ? (images.at(-1) ?? null) : null)
  );
}

async function dumpLive({ live, kernel }: DumpOptions, context: ImageContext): Promise<HandoverDump[]> {
  const machine = chooseMachine(liveMachines(), typeof live === 'string' ? live : null);
  const names = kernel ?? machine.kernels.flatMap((path) => findImage(path, context)?.name ?? path);
  const writers = await writersOf(names, context);
  const memory = openLive(machine);
  try {
    return dumpMemory(memory, null, writers);
  } finally {
    memory.close();
  }
}
