// SPDX-License-Identifier: Apache-2.0
// Turns a kernel's name into a kernel that is ready to boot. With a warm cache, this reads a few small files and starts
// no process.
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { KernelImage } from '../../model/kernel/image.js';
import { LabError } from '../../util/errors.js';
import { withLock } from '../../util/process/lock.js';
import { bootFactsOf } from '../binary/boot-facts.js';
import { buildKernel, RECIPE, treeOf } from './build.js';
import { readBzImage } from '../binary/bzimage.js';
import { type Cache, keyOf, onDisk, writeJson } from '../cache/cache.js';
import { gitOf } from '../source/checkout.js';
import { compilerVersion } from './compiler.js';
import { scanVmlinux } from '../binary/components.js';
import { type ImageContext, openWorkspace, type Workspace } from '../context.js';
import type { KernelDefinition } from '../definition/definition.js';
import { sha256File } from '../source/download.js';
import { handoverOf } from '../binary/handover.js';
import { ensureTools } from '../requirements.js';
import { prebuiltKernel } from '../binary/prebuilt.js';
import { resolveKernel } from '../definition/resolve.js';
import { listedIn, withFile } from '../binary/section.js';
import { describe, ensureSource, knownSource, namedSource, originKey, type SourceTree } from '../source/source.js';
import { readStoredImage, type StoredImage } from './stored-image.js';
import { forgetOldTrees } from './old-trees.js';
import { fileDigest, overlayDigests } from './tree.js';

export async function ensureKernel(nameOrPath: string, context: ImageContext): Promise<KernelImage> {
  const work = openWorkspace(context);
  work.signal.throwIfAborted();
  const wanted = resolveKernel(nameOrPath);
  return onDisk(work.cache, async () => {
    if (wanted.kind === 'files') return prebuiltKernel(nameOrPath, wanted.files, work);
    const { definition } = wanted;
    return ensureDefined(definition, work);
  });
}

/** Provides the kernel of a definition, which need not come from a file. */
export async function ensureDefined(definition: KernelDefinition, work: Workspace): Promise<KernelImage> {
  if (definition.prebuilt) return prebuiltKernel(definition.name, definition.prebuilt, work);
  return (await findBuilt(definition, work)) ?? { ...(await make(definition, work)), name: definition.name };
}

/** Returns the kernel if it is already in the cache. Fetches and builds nothing. */
export async function findBuilt(definition: KernelDefinition, work: Workspace): Promise<KernelImage | null> {
  const image = await findSame(definition, work);
  // It may have been built for another definition with the same content.
  return image === null ? null : { ...image, name: definition.name };
}

async function findSame(definition: KernelDefinition, work: Workspace): Promise<KernelImage | null> {
  const source = await knownSource(definition, work);
  const compiler = await compilerVersion(work);
  const inputs = source === null ? null : inputsOf(definition, source.id);
  if (inputs !== null && compiler !== null) {
    const key = keyWith(inputs, compiler);
    const stored = readStoredImage(work.cache.kernel(key));
    if (stored?.inputs === inputs && stored.compiler === compiler) return readImage(work.cache, key);
  }
  // Otherwise, one from the same inputs: fetched from another host or, without a compiler here, built by any compiler.
  const sources = originKey(definition);
  for (const [key, stored] of storedImages(work.cache)) {
    const isSame =
      inputs === null
        ? // Its source was never on this host. The sender of the kernel said what it is.
          stored.fetchedFor === sources && stored.inputs === inputsOf(definition, stored.sourceId)
        : stored.inputs === inputs && (stored.fetched || compiler === null);
    if (isSame && keyWith(stored.inputs, stored.compiler) === key) return readImage(work.cache, key);
  }
  return null;
}

/** Key of everything that makes a kernel, except the compiler. */
export function inputsOf(definition: KernelDefinition, sourceId: string): string {
  return keyOf([
    'kernel',
    RECIPE,
    sourceId,
    definition.config.map(fileDigest),
    definition.patches.map(fileDigest),
    definition.overlay.map(overlayDigests),
  ]);
}

/** The key in the cache: also of the compiler. */
export const keyWith = (inputs: string, compiler: string) => keyOf([inputs, compiler]);

async function make(definition: KernelDefinition, work: Workspace): Promise<KernelImage> {
  await ensureTools(['unpack', 'build'], work);
  const inPlace = gitOf(definition) !== null;
  const source = inPlace ? await namedSource(definition, work) : await ensureSource(definition, work);
  const compiler = await compilerVersion(work);
  if (compiler === null) throw new LabError('no gcc on this host');
  const inputs = inputsOf(definition, source.id);
  const key = keyWith(inputs, compiler);
  const onWait = () =>
    work.onProgress({
      task: `build ${definition.name}`,
      done: 0,
      of: null,
      detail: 'is waiting for another lab that builds it',
    });
  return withLock(treeOf(definition, source.id, work).lock, { signal: work.signal, onWait }, async (lock) => {
    const other = readImage(work.cache, key);
    if (other) return other;
    // The tree may have been removed in the meantime.
    const tree = inPlace || existsSync(source.dir) ? source : await ensureSource(definition, work);
    const built = await buildKernel(definition, tree, key, work, lock.fd);
    await collect(definition, tree, { key, inputs, compiler }, built, work);
    await forgetOldTrees(work);
    const image = readImage(work.cache, key);
    if (!image) throw new LabError(`kernel ${definition.name} was built, but is missing from the cache`);
    return image;
  });
}

const FILES: readonly [from: string, to: string][] = [
  ['arch/x86/boot/bzImage', 'bzImage'],
  ['vmlinux', 'vmlinux'],
  ['.config', 'config'],
  ['System.map', 'System.map'],
];

async function collect(
  definition: KernelDefinition,
  source: SourceTree,
  keys: { key: string; inputs: string; compiler: string },
  built: { tree: string; seconds: number },
  work: Workspace,
): Promise<void> {
  const beside = work.cache.kernel(`.${keys.key}.partial`);
  await rm(beside, { recursive: true, force: true });
  mkdirSync(beside, { recursive: true });
  for (const [from, to] of FILES) copyFileSync(join(built.tree, from), join(beside, to));
  const bzImage = join(beside, 'bzImage');
  const { components, listed, notes } = await scanVmlinux(join(beside, 'vmlinux'), work.signal);
  writeJson(join(beside, 'image.json'), {
    schema: 1,
    name: definition.name,
    release: readBzImage(bzImage).release,
    components,
    listed,
    sha256: await sha256File(bzImage, work.signal),
    size: statSync(bzImage).size,
    inputs: keys.inputs,
    source: describe(source.source),
    sourceId: source.id,
    compiler: keys.compiler,
    builtAt: new Date().toISOString(),
    seconds: built.seconds,
    notes,
  } satisfies StoredImage);
  await rm(work.cache.kernel(keys.key), { recursive: true, force: true });
  renameSync(beside, work.cache.kernel(keys.key));
}

/** Reads a kernel from the cache; null if it is missing or incomplete. */
export function readImage(cache: Cache, key: string): KernelImage | null {
  const dir = cache.kernel(key);
  const stored = readStoredImage(dir);
  const bzImage = join(dir, 'bzImage');
  if (stored === null || statSync(bzImage, { throwIfNoEntry: false })?.size !== stored.size) return null;
  const file = (name: string) => (existsSync(join(dir, name)) ? join(dir, name) : null);
  const [vmlinux, config] = [file('vmlinux'), file('config')];
  const whole = withList(stored, vmlinux, join(dir, 'image.json'));
  return {
    name: whole.name,
    release: whole.release,
    bzImage,
    vmlinux,
    config,
    systemMap: file('System.map'),
    boot: bootFactsOf({ bzImage, systemMap: file('System.map'), config }),
    ...handoverOf(
      { components: whole.components, listed: whole.listed ?? null, whole: true, notes: whole.notes },
      config,
    ),
    sha256: whole.sha256,
    cacheDir: dir,
  };
}

/** The image.json of an older lab lacks the kernel's own list. It is read once and stored. */
function withList(stored: StoredImage, vmlinux: string | null, path: string): StoredImage {
  if (stored.listed !== undefined || vmlinux === null) return stored;
  const notes = [...stored.notes];
  const whole = { ...stored, listed: withFile(vmlinux, (source) => listedIn(source, notes)), notes };
  try {
    writeJson(path, whole);
  } catch {
    // A cache that cannot be written is still useful for reading.
  }
  return whole;
}

/** Lists all kernels of the cache, with their keys. */
export function storedImages(cache: Cache): [key: string, stored: StoredImage][] {
  let keys: string[];
  try {
    keys = readdirSync(cache.kernels()).filter((key) => !key.startsWith('.'));
  } catch {
    return [];
  }
  return keys.flatMap((key): [string, StoredImage][] => {
    const stored = readStoredImage(cache.kernel(key));
    return stored === null ? [] : [[key, stored]];
  });
}
