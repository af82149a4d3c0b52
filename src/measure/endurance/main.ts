// SPDX-License-Identifier: Apache-2.0
// `npm run endurance`: one machine with many updates, or with `--runs` many short runs that are disturbed.
import { join } from 'node:path';
import { Command } from 'commander';
import { startChild } from '../../util/process/child.js';
import { hasOwnMounts, OWN_MOUNTS } from './leftovers.js';
import { endureRounds } from './rounds.js';
import { endureUpdates } from './updates.js';

interface Options {
  updates: string;
  guests: string;
  size: string;
  runs?: string;
  minutes: string;
  seed: string;
  journal: string;
  fresh?: boolean;
}

const options = new Command('endurance')
  .description('updates one machine many times; with --runs: many short runs that are killed and starved of disk')
  .option('--updates <n>', 'updates of the one machine', '10')
  .option('--guests <n>', 'guests in it', '4')
  .option('--size <size>', 'memory of a guest', '8MiB')
  .option('--runs <n>', 'short runs instead, until there were this many; continues where it was interrupted')
  .option('--minutes <n>', 'no new round after this time', '240')
  .option('--seed <n>', 'decides what happens in each round', '1')
  .option('--journal <file>', 'record each round in this file', join('results', 'endurance.jsonl'))
  .option('--fresh', 'forget all recorded rounds first')
  .parse()
  .opts<Options>();

/** Starts this program again where it may mount disks that nobody else sees. Returns the exit status. */
async function inOwnMounts(): Promise<number> {
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = startChild(['unshare', '--mount', '--propagation', 'private', '--', ...again], {
    stdio: ['ignore', 'inherit', 'inherit'],
    tie: 'dies-with-lab',
    env: { ...process.env, [OWN_MOUNTS]: '1' },
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill('SIGINT'));
  return (await child.ended).code ?? 1;
}

if (options.runs === undefined)
  process.exit(
    await endureUpdates({ updates: Number(options.updates), guests: Number(options.guests), size: options.size }),
  );
if (process.getuid?.() === 0 && !hasOwnMounts()) process.exit(await inOwnMounts());
process.exit(
  await endureRounds({
    runs: Number(options.runs),
    minutes: Number(options.minutes),
    seed: Number(options.seed),
    journal: options.journal,
    fresh: options.fresh === true,
  }),
);
