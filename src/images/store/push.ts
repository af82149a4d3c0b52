// SPDX-License-Identifier: Apache-2.0
// Puts images of the cache into a store. Files go first and the index entry last, so that no entry names what is not
// there.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readStoredImage } from '../build/stored-image.js';
import { KERNEL_FILES } from '../build/collect.js';
import { definitionKey } from '../build/keys.js';
import { findBuilt } from '../build/kernel.js';
import type { Workspace } from '../context.js';
import type { KernelDefinition } from '../definition/definition.js';
import { sha256File } from '../source/download.js';
import { originPath, originSchema } from '../source/source.js';
import { readJson } from '../../util/read-json.js';
import { entryPath, type KernelEntry, type RootfsEntry, type StoredFile } from './manifest.js';
import type { ImageStore } from './store.js';

export type Pushed = { state: 'pushed'; bytes: number } | { state: 'left out'; why: string };

/** Stores a built kernel. */
export async function pushKernel(definition: KernelDefinition, store: ImageStore, work: Workspace): Promise<Pushed> {
  if (definition.prebuilt !== null) return { state: 'left out', why: 'it is ready-made: the lab does not build it' };
  const image = await findBuilt(definition, work);
  const stored = image?.cacheDir ? readStoredImage(image.cacheDir) : null;
  if (image?.cacheDir == null || stored === null) return { state: 'left out', why: 'it is not in the cache' };
  const origin = readJson(originPath(definition, work), originSchema);
  if (origin !== null && origin.id === null) return { state: 'left out', why: 'its source is on this host alone' };
  const { cacheDir } = image;
  const missing = KERNEL_FILES.find((name) => !existsSync(join(cacheDir, name)));
  if (missing !== undefined) return { state: 'left out', why: `the cache has no ${missing} of it` };
  const { files, bytes } = await sendAll(cacheDir, KERNEL_FILES, store, work, definition.name);
  const { source, sourceId, compiler, builtAt, seconds } = stored;
  const entry: KernelEntry = {
    schema: 1,
    kind: 'kernel',
    name: definition.name,
    source,
    sourceId,
    compiler,
    builtAt,
    seconds,
    files,
  };
  await store.putEntry(entryPath('kernel', definitionKey(definition)), entry);
  return { state: 'pushed', bytes };
}

/** Stores a root file system: a folder of the cache and its key. */
export async function pushRootFs(dir: string, key: string, store: ImageStore, work: Workspace): Promise<Pushed> {
  const { files, bytes } = await sendAll(dir, ['initramfs.cpio'], store, work, 'rootfs');
  await store.putEntry(entryPath('rootfs', key), { schema: 1, kind: 'rootfs', files } satisfies RootfsEntry);
  return { state: 'pushed', bytes };
}

async function sendAll(dir: string, names: readonly string[], store: ImageStore, work: Workspace, image: string) {
  const files: StoredFile[] = [];
  let bytes = 0;
  for (const [done, name] of names.entries()) {
    const path = join(dir, name);
    work.onProgress({ task: `push ${image}`, done, of: names.length, detail: name });
    const file = { name, sha256: await sha256File(path, work.signal), size: statSync(path).size };
    if ((await store.putObject(path, file)) === 'sent') bytes += file.size;
    files.push(file);
  }
  return { files, bytes };
}
