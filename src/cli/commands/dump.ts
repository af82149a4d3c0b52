// SPDX-License-Identifier: Apache-2.0
// `lab dump`: the handover itself, from the memory that a run has kept or from a machine that runs.
import { Command, Option } from 'commander';
import { findImage, type ImageContext } from '../../images/index.js';
import type { HandoverDump } from '../../model/result/handover-dump.js';
import { type DumpLimits, dumpText } from '../../report/text/dump.js';
import { dumpMemory, writersOf } from '../../repro/dump.js';
import { chooseMachine, liveMachines, openLive } from '../../repro/live.js';
import { imagesOfRun, type KeptImage } from '../../store/run/images-of-run.js';
import { readMemoryImage } from '../../store/run/memory-image.js';
import { LabError, UsageError } from '../../util/errors.js';
import { withContext } from '../interrupt.js';
import { A_RUN, type OpenRun, type RunOptions, withRun, withRunOptions } from '../run/open-run.js';

interface DumpOptions extends RunOptions {
  live?: boolean | string;
  moment?: 'jump' | 'end';
  kernel?: string[];
  all?: boolean;
  json?: boolean;
}

const SHORT: DumpLimits = { sessions: 20, runs: 8 };
const ALL: DumpLimits = { sessions: Infinity, runs: Infinity };

export function dumpCommand(): Command {
  const command = new Command('dump')
    .description("the handover in a machine's memory: KHO tree, preserved map, LUO sessions, files, folios")
    .argument('[run]', `${A_RUN} that has kept memory (lab run --memory-image)`)
    .option('--live [machine]', "a machine of the lab that runs now: a part of its run's name, or its process id")
    .addOption(
      new Option('--moment <when>', "which of the run's images; without it the last jump, else the end").choices([
        'jump',
        'end',
      ]),
    )
    .option('--kernel <name...>', "whose layouts to read with, instead of the run's kernels")
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
        if (dumps.length === 0) throw new LabError('no root tree of a handover is in this memory');
        process.stdout.write(
          options.json
            ? `${JSON.stringify(dumps, null, 2)}\n`
            : dumps.map((dump) => dumpText(dump, options.all ? ALL : SHORT)).join('\n'),
        );
      }),
    );
}

async function dumpRun(
  { name, folder, result: { kernels }, mayAsk }: OpenRun,
  options: DumpOptions,
  context: ImageContext,
): Promise<HandoverDump[]> {
  const image = chosen(imagesOfRun(folder), options.moment ?? null);
  if (image === null) {
    throw new LabError(`${name} has kept no memory${options.moment === undefined ? '' : ` of its ${options.moment}`}`, {
      hint: `lab repro ${name} --memory-image always   makes the run again and keeps it`,
    });
  }
  const memory = readMemoryImage(image.path);
  // At the jump the running kernel has written it, at the end the one before.
  const writing = kernels[image.moment === 'jump' ? image.epoch : image.epoch - 1] ?? kernels[0];
  const writers = await writersOf(
    options.kernel ?? [writing, ...kernels].flatMap((kernel) => kernel?.name ?? []).filter(mayAsk),
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
