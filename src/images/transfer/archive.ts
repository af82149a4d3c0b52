// SPDX-License-Identifier: Apache-2.0
// Sends a built kernel to the cache of another host. It is named by its key in this host's cache. The other host
// accepts it only if it would build it from the same inputs.
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { create, extract } from 'tar';
import { LabError, messageOf } from '../../util/errors.js';
import { withLock } from '../../util/process/lock.js';
import { intoTar } from '../../util/untar.js';
import { readJson } from '../../util/read-json.js';
import { onDisk, writeJson } from '../cache/cache.js';
import { type ImageContext, openWorkspace, type Workspace } from '../context.js';
import type { KernelDefinition } from '../definition/definition.js';
import { sha256File } from '../source/download.js';
import { findBuilt, inputsOf, readImage } from '../build/kernel.js';
import { readStoredImage, type StoredImage } from '../build/stored-image.js';
import { resolveKernel } from '../definition/resolve.js';
import { type Origin, originPath, originSchema } from '../source/source.js';

export interface KernelArchive {
  /** Key in the cache. */
  key: string;
  /** Of the bzImage. */
  sha256: string;
  /** Which of the definition's sources it was built from. */
  origin: { index: number; id: string };
  pack: () => AsyncIterable<Buffer>;
}

const FILES = ['bzImage', 'vmlinux', 'config', 'System.map', 'image.json'];
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
  if (origin?.id == null) return null;
  return {
    key: basename(dir),
    sha256: image.sha256,
    origin: { index: origin.index, id: origin.id },
    pack: () => packed(dir),
  };
}

async function* packed(dir: string): AsyncGenerator<Buffer> {
  yield* create(
    { gzip: true, portable: true, cwd: dir },
    FILES.filter((file) => existsSync(join(dir, file))),
  );
}

/**
 * Takes a kernel into the cache, unless it is there already. Throws a LabError if it is damaged, or if this lab would
 * build it from other inputs.
 */
export async function takeKernel(
  name: string,
  offered: Omit<KernelArchive, 'pack'> & { data: () => AsyncIterable<Buffer> },
  context: ImageContext,
): Promise<void> {
  const work = openWorkspace(context);
  const definition = buildable(name);
  if (definition === null || (await findBuilt(definition, work)) !== null) return;
  await onDisk(work.cache, () =>
    withLock(work.cache.lock(`kernel-${offered.key}`), { signal: work.signal }, async () => {
      if ((await findBuilt(definition, work)) !== null) return;
      const beside = work.cache.kernel(`.${offered.key}.fetched`);
      await rm(beside, { recursive: true, force: true });
      try {
        mkdirSync(beside, { recursive: true });
        await unpack(offered.data(), beside);
        await accept(name, definition, offered, beside, work);
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

async function unpack(data: AsyncIterable<Buffer>, dir: string): Promise<void> {
  let bytes = 0;
  await pipeline(
    Readable.from(data),
    intoTar(
      extract({
        cwd: dir,
        strict: true,
        filter: (path, entry) => {
          bytes += entry.size ?? 0;
          const type = 'type' in entry ? entry.type : 'File';
          if (!['File', 'OldFile'].includes(type) || !FILES.includes(path) || bytes > MAX_BYTES)
            throw new LabError(
              `a received kernel contains ${path}, which does not belong there: ${type} of ${bytes} bytes`,
            );
          return true;
        },
      }),
    ),
  );
}

async function accept(
  name: string,
  definition: KernelDefinition,
  { key, sha256, origin }: Omit<KernelArchive, 'pack'>,
  dir: string,
  work: Workspace,
): Promise<void> {
  const stored = readStoredImage(dir);
  if (stored === null) throw new LabError(`kernel ${name} arrived without its description`);
  if (stored.inputs !== inputsOf(definition, origin.id))
    throw new LabError(`kernel ${name} was built from other inputs than this lab would use`);
  if (stored.sha256 !== sha256 || (await sha256File(join(dir, 'bzImage'), work.signal)) !== sha256)
    throw new LabError(`kernel ${name} was changed on its way`);
  if (!existsSync(originPath(definition, work))) writeJson(originPath(definition, work), origin satisfies Origin);
  writeJson(join(dir, 'image.json'), { ...stored, fetched: true } satisfies StoredImage);
  await rm(work.cache.kernel(key), { recursive: true, force: true });
  renameSync(dir, work.cache.kernel(key));
  if (readImage(work.cache, key) === null) throw new LabError(`kernel ${name} arrived incomplete`);
}
