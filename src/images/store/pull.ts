// SPDX-License-Identifier: Apache-2.0
// Takes images from a store into the cache. The names of all that is taken are computed here: a store can say which
// bytes are an image, and never which image they are.
import { mkdirSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError, messageOf } from '../../util/errors.js';
import { withLock } from '../../util/process/lock.js';
import { settle, KERNEL_FILES } from '../build/collect.js';
import { definitionKey, inputsOf, keyWith } from '../build/keys.js';
import { writeJson } from '../cache/cache.js';
import { readImage } from '../cache/read-image.js';
import type { Workspace } from '../context.js';
import type { KernelDefinition } from '../definition/definition.js';
import { knownSource, originKey } from '../source/source.js';
import { entryPath, kernelEntry, type KernelEntry, rootfsEntry, type StoredFile } from './manifest.js';
import type { ImageStore } from './store.js';

export type Pulled = 'taken' | 'missing';

/** Takes a kernel. Throws a LabError if the store cannot be used, or if what it has is not this kernel. */
export async function pullKernel(definition: KernelDefinition, store: ImageStore, work: Workspace): Promise<Pulled> {
  const entry = await store.entry(entryPath('kernel', definitionKey(definition)), kernelEntry);
  if (entry === null) return 'missing';
  const known = await knownSource(definition, work);
  if (known !== null && known.id !== entry.sourceId)
    throw new LabError('its kernel was built from another content of the source');
  const inputs = inputsOf(definition, entry.sourceId);
  const key = keyWith(inputs, entry.compiler);
  await withLock(work.cache.lock(`kernel-${key}`), { signal: work.signal }, async () => {
    if (readImage(work.cache, key) === null) await take(definition, { entry, inputs, key }, store, work);
  });
  return 'taken';
}

async function take(
  definition: KernelDefinition,
  { entry, inputs, key }: { entry: KernelEntry; inputs: string; key: string },
  store: ImageStore,
  work: Workspace,
): Promise<void> {
  const beside = work.cache.kernel(`.${key}.store`);
  await rm(beside, { recursive: true, force: true });
  mkdirSync(beside, { recursive: true });
  try {
    await fetchAll(entry.files, KERNEL_FILES, beside, `fetch ${definition.name} from the image store`, store, work);
    const { source, sourceId, compiler, builtAt, seconds } = entry;
    const facts = { name: definition.name, inputs, source, sourceId, compiler, builtAt, seconds };
    const fetchedFor = originKey(definition);
    await settle(beside, key, { ...facts, fetched: true, fetchedFor, from: store.label }, work);
  } catch (error) {
    throw error instanceof LabError ? error : new LabError(`its kernel cannot be read: ${messageOf(error)}`);
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

const ROOTFS_FILE = 'initramfs.cpio';

/** Takes a root file system, by its key in the cache, to a folder that the caller renames. */
export async function pullRootFs(key: string, dir: string, store: ImageStore, work: Workspace): Promise<Pulled> {
  const entry = await store.entry(entryPath('rootfs', key), rootfsEntry);
  if (entry === null) return 'missing';
  const [file] = await fetchAll(entry.files, [ROOTFS_FILE], dir, 'fetch the root file system', store, work);
  if (file === undefined) throw new LabError('its root file system has no files');
  writeJson(join(dir, 'image.json'), { schema: 1, sha256: file.sha256, size: file.size, from: store.label });
  await rm(work.cache.rootfs(key), { recursive: true, force: true });
  renameSync(dir, work.cache.rootfs(key));
  return 'taken';
}

/** Fetches exactly the files that belong to an image. */
async function fetchAll(
  files: readonly StoredFile[],
  names: readonly string[],
  dir: string,
  task: string,
  store: ImageStore,
  work: Workspace,
): Promise<StoredFile[]> {
  const wanted = names.map((name) => {
    const found = files.find((file) => file.name === name);
    if (found === undefined) throw new LabError(`its index names no ${name}`);
    return found;
  });
  const of = wanted.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  for (const file of wanted)
    await store.object(file, join(dir, file.name), (count) => {
      work.onProgress({ task, done: (done += count), of, detail: file.name });
    });
  return wanted;
}
