// SPDX-License-Identifier: Apache-2.0
// Sends a built kernel to the cache of another host. The other host accepts it only if it would build it from the same
// inputs, and names it itself.
import { mkdirSync, renameSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { create } from 'tar';
import { LabError, messageOf } from '../../util/errors.js';
import { withLock } from '../../util/process/lock.js';
import { readJson } from '../../util/read-json.js';
import { type FileSum, unpackFiles } from '../../util/archive/unpack.js';
import { findBuilt } from '../build/kernel.js';
import { inputsOf, keyWith } from '../build/keys.js';
import { readStoredImage, type StoredImage } from '../build/stored-image.js';
import { keyOf, onDisk, writeJson } from '../cache/cache.js';
import { readImage } from '../cache/read-image.js';
import { type ImageContext, openWorkspace, type Workspace } from '../context.js';
import type { KernelDefinition } from '../definition/definition.js';
import { resolveKernel } from '../definition/resolve.js';
import { sha256File } from '../source/download.js';
import { knownSource, originKey, originPath, originSchema } from '../source/source.js';

export interface KernelArchive {
  /** Key in the cache of the sender. The receiver computes it itself. */
  key: string;
  /** Every file of the archive. */
  files: ({ name: string } & FileSum)[];
  pack: () => AsyncIterable<Buffer>;
}

const FILES = ['bzImage', 'vmlinux', 'config', 'System.map', 'image.json'];
const SOURCE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;
/** Limit for all files together, in bytes. */
const MAX_BYTES = 1 << 30;

/**
 * Offers a built kernel to others. Null if it has no definition, is not built, or comes from a source that only this
 * host has.
 */
export async function offerKernel(name: string, context: ImageContext): Promise<KernelArchive | null> {
  const work = openWorkspace(context);
  const definition = buildable(name);
  const image = definition === null ? null : await findBuilt(definition, work);
  if (definition === null || image?.cacheDir == null) return null;
  const dir = image.cacheDir;
  const origin = readJson(originPath(definition, work), originSchema);
  if (origin !== null && origin.id === null) return null;
  const files: KernelArchive['files'] = [];
  for (const file of FILES) {
    const size = statSync(join(dir, file), { throwIfNoEntry: false })?.size;
    if (size !== undefined) files.push({ name: file, size, sha256: await sha256File(join(dir, file), work.signal) });
  }
  return { key: basename(dir), files, pack: () => packed(dir, files) };
}

async function* packed(dir: string, files: KernelArchive['files']): AsyncGenerator<Buffer> {
  yield* create(
    { gzip: true, portable: true, cwd: dir },
    files.map(({ name }) => name),
  );
}

/**
 * Takes a kernel into the cache, unless it is there already. Throws a LabError if it is damaged, or if this lab would
 * build it from other inputs. The caller must know who sent it: what a kernel does cannot be checked.
 */
export async function takeKernel(
  name: string,
  offered: Omit<KernelArchive, 'pack'> & { data: () => AsyncIterable<Buffer> },
  context: ImageContext,
): Promise<void> {
  const work = openWorkspace(context);
  const definition = buildable(name);
  if (definition === null || (await findBuilt(definition, work)) !== null) return;
  // No name on this host comes from the sender.
  const own = keyOf(['fetched', name]);
  await onDisk(work.cache, () =>
    withLock(work.cache.lock(`fetch-${own}`), { signal: work.signal }, async () => {
      if ((await findBuilt(definition, work)) !== null) return;
      const beside = work.cache.kernel(`.${own}.fetched`);
      await rm(beside, { recursive: true, force: true });
      try {
        mkdirSync(beside, { recursive: true });
        await unpackFiles(offered.data(), beside, {
          what: 'a received kernel',
          allows: (file) => FILES.includes(file),
          maxFiles: FILES.length,
          maxBytes: MAX_BYTES,
          manifest: new Map(offered.files.map((file) => [file.name, file])),
        });
        await accept(name, definition, offered.key, beside, work);
      } catch (error) {
        throw error instanceof LabError
          ? error
          : new LabError(`kernel ${name} arrived incomplete: ${messageOf(error)}`, { cause: error });
      } finally {
        await rm(beside, { recursive: true, force: true });
      }
    }),
  );
}

function buildable(name: string): KernelDefinition | null {
  const resolved = resolveKernel(name);
  return resolved.kind === 'definition' && resolved.definition.prebuilt === null ? resolved.definition : null;
}

async function accept(
  name: string,
  definition: KernelDefinition,
  offeredKey: string,
  dir: string,
  work: Workspace,
): Promise<void> {
  const stored = readStoredImage(dir);
  if (stored === null) throw new LabError(`kernel ${name} arrived without its description`);
  // It names a folder when the kernel is removed.
  if (!SOURCE_ID.test(stored.sourceId)) throw new LabError(`kernel ${name} arrived with an invalid source`);
  const known = await knownSource(definition, work);
  if (stored.inputs !== inputsOf(definition, known?.id ?? stored.sourceId))
    throw new LabError(`kernel ${name} was built from other inputs than this lab would use`);
  const key = keyWith(stored.inputs, stored.compiler);
  if (key !== offeredKey)
    throw new LabError(`kernel ${name} was offered under the key ${offeredKey}, but what it is made of has ${key}`);
  if ((await sha256File(join(dir, 'bzImage'), work.signal)) !== stored.sha256)
    throw new LabError(`kernel ${name} was changed on its way`);
  const here = readStoredImage(work.cache.kernel(key));
  if (here !== null && here.fetched !== true)
    throw new LabError(`kernel ${name} was built here, and what was built here is never replaced`);
  const fetchedFor = originKey(definition);
  writeJson(join(dir, 'image.json'), { ...stored, fetched: true, fetchedFor } satisfies StoredImage);
  await rm(work.cache.kernel(key), { recursive: true, force: true });
  renameSync(dir, work.cache.kernel(key));
  if (readImage(work.cache, key) === null) throw new LabError(`kernel ${name} arrived incomplete`);
}
