// SPDX-License-Identifier: Apache-2.0
// `lab dump`: the handover itself, from the memory that a run has kept or from a machine that runs.
import { Command, Option } from 'commander';
import { findImage } from '../images/index.js';
import type { HandoverDump } from '../model/handover-dump.js';
import { type DumpLimits, dumpText } from '../report/dump-text.js';
import { dumpMemory, writersOf } from '../repro/dump.js';
import { chooseMachine, liveMachines, openLive } from '../repro/live.js';
import { findInResults } from '../store/find.js';
import { imagesOfRun, type KeptImage } from '../store/images-of-run.js';
import { readMemoryImage } from '../store/memory-image.js';
import { readRun } from '../store/read-run.js';
import { LabError, UsageError } from '../util/errors.js';
import { interruptible } from './images.js';

interface DumpOptions {
  results: string;
  live?: boolean | string;
  moment?: 'jump' | 'end';
  kernel?: string[];
  all?: boolean;
  json?: boolean;
}

const SHORT: DumpLimits = { sessions: 20, runs: 8 };
const ALL: DumpLimits = { sessions: Infinity, runs: Infinity };

export function dumpCommand(): Command {
  return new Command('dump')
    .description('the handover in a machine\'s memory: KHO tree, preserved map, LUO sessions, files, folios')
    .argument('[run]', 'a run that has kept memory (lab run --memory-image): its folder, its name, or a part of its name')
    .option('--live [machine]', 'a machine of the lab that runs now: a part of its run\'s name, or its process id')
    .addOption(new Option('--moment <when>', 'which of the run\'s images; without it the last jump, else the end').choices(['jump', 'end']))
    .option('--kernel <name...>', 'whose layouts to read with, instead of the run\'s kernels')
    .option('--all', 'list all sessions, files and folios')
    .option('--results <dir>', 'folder of the results', 'results')
    .option('--json', 'print as JSON')
    .action((run: string | undefined, options: DumpOptions) => interruptible(async (context) => {
      if ((run === undefined) === (options.live === undefined)) throw new UsageError('expected a run or --live', { hint: 'lab dump RUN, or lab dump --live' });
      const dumps = run === undefined ? await dumpLive(options, context) : await dumpRun(run, options, context);
      if (dumps.length === 0) throw new LabError('no root tree of a handover is in this memory');
      process.stdout.write(options.json ? `${JSON.stringify(dumps, null, 2)}\n` : dumps.map((dump) => dumpText(dump, options.all ? ALL : SHORT)).join('\n'));
    }));
}

type Context = Parameters<Parameters<typeof interruptible>[0]>[0];

async function dumpRun(word: string, options: DumpOptions, context: Context): Promise<HandoverDump[]> {
  const { folder, kind, name } = findInResults(options.results, word);
  if (kind !== 'run') throw new UsageError(`${name} is a matrix; memory is kept with runs`, { hint: `lab show ${name}   names its runs` });
  const read = readRun(folder);
  if (read.state !== 'whole') throw new LabError(`${name} cannot be read: ${read.why}`);
  const image = chosen(imagesOfRun(folder), options.moment ?? null);
  if (image === null) {
    throw new LabError(`${name} has kept no memory${options.moment === undefined ? '' : ` of its ${options.moment}`}`, { hint: `lab repro ${name} --memory-image always   makes the run again and keeps it` });
  }
  const memory = readMemoryImage(image.path);
  const { kernels } = read.result;
  // At the jump the running kernel has written it, at the end the one before.
  const writing = kernels[image.moment === 'jump' ? image.epoch : image.epoch - 1] ?? kernels[0];
  const writers = await writersOf(options.kernel ?? [writing?.name ?? '', ...kernels.map((kernel) => kernel.name)], context);
  return dumpMemory(memory, memory.head.root, writers);
}

function chosen(images: readonly KeptImage[], moment: 'jump' | 'end' | null): KeptImage | null {
  return images.findLast((image) => image.moment === (moment ?? 'jump')) ?? (moment === null ? images.at(-1) ?? null : null);
}

async function dumpLive({ live, kernel }: DumpOptions, context: Context): Promise<HandoverDump[]> {
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
