// SPDX-License-Identifier: Apache-2.0
// A built kernel on its way to the cache of another host. It is named by the key of this host's cache; the other host
// takes it only where it would have been made from the same inputs.
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { create, extract } from 'tar';
import { LabError, messageOf } from '../../util/errors.js';
import { withLock } from '../../util/process/lock.js';
import { intoTar } from '../../util/untar.js';
import { onDisk, readJson, writeJson } from '../cache/cache.js';
import { type ImageContext, openWorkspace, type Workspace } from '../context.js';
import type { KernelDefinition } from '../definition/definition.js';
import { sha256File } from '../source/download.js';
import { findBuilt, inputsOf, readImage, type StoredImage } from '../build/kernel.js';
import { resolveKernel } from '../definition/resolve.js';
import { type Origin, originPath } from '../source/source.js';

export interface KernelParcel {
  /** Key of the cache. */
  key: string;
  /** Of the bzImage. */
  sha256: string;
  /** Which of the definition's sources it was made of. */
  origin: { index: number; id: string };
  pack: () => AsyncIterable<Buffer>;
}

const FILES = ['bzImage', 'vmlinux', 'config', 'System.map', 'image.json'];
/** Bytes of all files. */
const MOST_BYTES = 1 << 30;

/**
 * A built kernel to give to others; null for one that is no definition's, not built, or of a source that lies on this
 * host alone.
 */
export async function offerKernel(name: string, context: ImageContext): Promise<KernelParcel | null> {
  const work = openWorkspace(context);
  const definition = buildable(name);
  const image = definition === null ? null : await findBuilt(definition, work);
  if (definition === null || image?.cacheDir == null) return null;
  const dir = image.cacheDir;
  const origin = readJson<Origin>(originPath(definition, work));
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
 * Takes a kernel into the cache, unless it is there. Throws a LabError for one that is damaged, or made of other things
 * than this lab would make it of.
 */
export async function takeKernel(
  name: string,
  offered: Omit<KernelParcel, 'pack'> & { data: () => AsyncIterable<Buffer> },
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
          : new LabError(`kernel ${name} did not come whole: ${messageOf(error)}`, { cause: error });
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
          if (!['File', 'OldFile'].includes(type) || !FILES.includes(path) || bytes > MOST_BYTES)
            throw new LabError(`a kernel came with what none has: ${type} of ${bytes} bytes`);
          return true;
        },
      }),
    ),
  );
}

async function accept(
  name: string,
  definition: KernelDefinition,
  { key, sha256, origin }: Omit<KernelParcel, 'pack'>,
  dir: string,
  work: Workspace,
): Promise<void> {
  const stored = readJson<StoredImage>(join(dir, 'image.json'));
  if (stored?.schema !== 1) throw new LabError(`kernel ${name} came without its description`);
  if (stored.inputs !== inputsOf(definition, origin.id))
    throw new LabError(`kernel ${name} was made of other things than this lab would make it of`);
  if (stored.sha256 !== sha256 || (await sha256File(join(dir, 'bzImage'), work.signal)) !== sha256)
    throw new LabError(`kernel ${name} came changed`);
  if (!existsSync(originPath(definition, work))) writeJson(originPath(definition, work), origin satisfies Origin);
  writeJson(join(dir, 'image.json'), { ...stored, fetched: true } satisfies StoredImage);
  await rm(work.cache.kernel(key), { recursive: true, force: true });
  renameSync(dir, work.cache.kernel(key));
  if (readImage(work.cache, key) === null) throw new LabError(`kernel ${name} came, and is not whole`);
}
