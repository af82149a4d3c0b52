// SPDX-License-Identifier: Apache-2.0
// `lab images push` and `lab images pull`: exchange built images with a store.
import type { Command } from 'commander';
import {
  buildableNames,
  definedKernels,
  type Exchanged,
  type ImageContext,
  pullImage,
  pushImage,
  resolveKernel,
  ROOTFS_NAME,
} from '../../images/index.js';
import { runStages } from '../../report/live/progress.js';
import { bytes } from '../../report/text/style.js';
import { LabError } from '../../util/errors.js';
import { onInterruptKept, sameCommand, withContext } from '../common/interrupt.js';
import { showAll } from '../common/show-progress.js';
import { table } from '../text/table.js';

interface StoreOptions {
  store?: string;
  json?: boolean;
}
type Exchange = (name: string, context: ImageContext) => Promise<Exchanged[]>;

export function addStoreCommands(images: Command): void {
  const add = (verb: string, description: string, names: string, exchange: Exchange, all: () => string[]) =>
    images
      .command(verb)
      .description(description)
      .argument('[name...]', names)
      .option('--store <address>', 'a folder, http(s)://HOST/PATH or s3://BUCKET/PREFIX; $LAB_IMAGE_STORE by default')
      .option('--json', 'print as JSON; progress goes to standard error')
      .action((given: string[], { store, json }: StoreOptions) =>
        withContext(async (context) => {
          const within = store === undefined ? context : { ...context, store };
          const done = await exchangeAll(given.length > 0 ? [...new Set(given)] : all(), exchange, within);
          const shown = given.length > 0 ? done : done.filter(({ why }) => why !== NOT_CACHED);
          process.stdout.write(json ? `${JSON.stringify(shown, null, 2)}\n` : textOf(shown));
          throwIfFailed(given.length > 0 ? done : done.filter(({ state }) => state === 'failed'), verb);
        }),
      );
  add(
    'push',
    'puts images of the cache into an image store',
    `kernels by name or path, or ${ROOTFS_NAME}; without arguments, all that are in the cache`,
    pushImage,
    () => [...definedKernels(), ROOTFS_NAME],
  );
  add(
    'pull',
    'takes images from an image store into the cache',
    `kernels by name or path, or ${ROOTFS_NAME}; without arguments, all images that ship with the lab`,
    pullImage,
    () => [...buildableNames(), ROOTFS_NAME],
  );
}

/** A push of everything says nothing about images that were never built. */
const NOT_CACHED = 'it is not in the cache';

async function exchangeAll(names: readonly string[], exchange: Exchange, context: ImageContext): Promise<Exchanged[]> {
  for (const name of names) if (name !== ROOTFS_NAME) resolveKernel(name);
  const done: Exchanged[] = [];
  let ended = 0;
  onInterruptKept(() => [`${ended} of ${names.length} images are done; to go on: ${sameCommand()}`]);
  await runStages(
    names.map((name) => ({
      title: name,
      run: async (task) => {
        done.push(...(await exchange(name, { ...context, ...showAll(task) })));
        ended++;
      },
    })),
    process.stderr,
  );
  return done;
}

function textOf(done: readonly Exchanged[]): string {
  return table(
    ['NAME', 'STATE', 'SENT', 'WHY'],
    done.map(({ name, state, bytes: sent, why }) => [name, state, sent ? bytes(sent) : '-', why ?? '-']),
  );
}

function throwIfFailed(done: readonly Exchanged[], verb: string): void {
  const failed = done.filter(({ state }) => ['failed', 'missing', 'left out'].includes(state));
  if (failed.length === 0) return;
  throw new LabError(`cannot ${verb} ${failed.map(({ name }) => name).join(', ')}`, {
    detail: failed.map(({ name, state, why }) => `${name}: ${why ?? `${state} in the store`}`).join('\n'),
  });
}
