// SPDX-License-Identifier: Apache-2.0
// Pushes and pulls images by name. Each name has a line that says what became of it.
import { mkdirSync, rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { LabError, messageOf, UsageError } from '../../util/errors.js';
import { variantsOf } from '../definition/core.js';
import { findBuilt } from '../build/kernel.js';
import { currentRootFs, rootFsKey } from '../build/rootfs.js';
import { onDisk } from '../cache/cache.js';
import { ROOTFS_NAME } from '../cache/list.js';
import { type ImageContext, openWorkspace, type Workspace } from '../context.js';
import { resolveKernel } from '../definition/resolve.js';
import { openBackend, STORE_VARIABLE } from './open.js';
import { pullKernel, pullRootFs } from './pull.js';
import { pushKernel, pushRootFs } from './push.js';
import { ImageStore } from './store.js';

export interface Exchanged {
  name: string;
  state: 'pushed' | 'pulled' | 'there' | 'missing' | 'left out' | 'failed';
  /** Bytes that were sent or fetched; null if it is not known. */
  bytes: number | null;
  why: string | null;
}

/** Opens the store of the context. Throws a UsageError if there is none. */
function storeOf(work: Workspace): ImageStore {
  if (work.store === null)
    throw new UsageError(`no image store: set ${STORE_VARIABLE}, or use --store ADDRESS`, {
      hint: 'an address is a folder, http(s)://HOST/PATH or s3://BUCKET/PREFIX',
    });
  return new ImageStore(openBackend(work.store), work);
}

/** Puts an image of the cache into the store: a kernel with all variants that are built, or the root file system. */
export async function pushImage(name: string, context: ImageContext): Promise<Exchanged[]> {
  const work = openWorkspace(context);
  const store = storeOf(work);
  if (name === ROOTFS_NAME) {
    const rootfs = currentRootFs(work);
    if (rootfs === null) return [{ name, state: 'left out', bytes: null, why: 'it is not in the cache' }];
    const dir = dirname(rootfs.path);
    return [pushedAs(name, await pushRootFs(dir, basename(dir), store, work))];
  }
  const resolved = resolveKernel(name);
  if (resolved.kind === 'files') return [{ name, state: 'left out', bytes: null, why: 'it is ready-made' }];
  const results: Exchanged[] = [];
  for (const definition of variantsOf(resolved.definition))
    results.push(pushedAs(definition.name, await pushKernel(definition, store, work)));
  // A variant that was never built is worth a line only if there is no other.
  const sent = results.filter(({ state }) => state !== 'left out');
  return sent.length > 0 ? sent : results.slice(0, 1);
}

function pushedAs(name: string, pushed: Awaited<ReturnType<typeof pushKernel>>): Exchanged {
  if (pushed.state === 'left out') return { name, state: 'left out', bytes: null, why: pushed.why };
  return { name, state: pushed.bytes === 0 ? 'there' : 'pushed', bytes: pushed.bytes, why: null };
}

/** Takes an image from the store into the cache, all its variants that the store has. Builds nothing. */
export async function pullImage(name: string, context: ImageContext): Promise<Exchanged[]> {
  const work = openWorkspace(context);
  const store = storeOf(work);
  if (name === ROOTFS_NAME) return [await pullOne(name, work, () => rootFsFrom(store, work))];
  const resolved = resolveKernel(name);
  if (resolved.kind === 'files' || resolved.definition.prebuilt !== null)
    return [{ name, state: 'left out', bytes: null, why: 'it is ready-made' }];
  const results: Exchanged[] = [];
  for (const definition of variantsOf(resolved.definition))
    results.push(
      await pullOne(definition.name, work, async () =>
        (await findBuilt(definition, work)) !== null ? 'there' : pullKernel(definition, store, work),
      ),
    );
  const found = results.filter(({ state }) => state !== 'missing');
  return found.length > 0 ? found : results.slice(0, 1);
}

async function pullOne(
  name: string,
  work: Workspace,
  pull: () => Promise<'taken' | 'there' | 'missing'>,
): Promise<Exchanged> {
  try {
    const state = await onDisk(work.cache, pull);
    return { name, state: state === 'taken' ? 'pulled' : state, bytes: null, why: null };
  } catch (error) {
    work.signal.throwIfAborted();
    if (!(error instanceof LabError)) throw error;
    return { name, state: 'failed', bytes: null, why: messageOf(error) };
  }
}

async function rootFsFrom(store: ImageStore, work: Workspace): Promise<'taken' | 'there' | 'missing'> {
  if (currentRootFs(work) !== null) return 'there';
  const key = await rootFsKey(work);
  const beside = work.cache.rootfs(`.${key}.store`);
  rmSync(beside, { recursive: true, force: true });
  mkdirSync(beside, { recursive: true });
  try {
    return await pullRootFs(key, beside, store, work);
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}
