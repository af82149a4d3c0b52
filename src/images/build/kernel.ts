// SPDX-License-Identifier: Apache-2.0
// Turns a kernel's name into a kernel that is ready to boot. With a warm cache, this reads a few small files and starts
// no process.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { KernelImage } from '../../model/kernel/image.js';
import { LabError } from '../../util/errors.js';
import { withLock } from '../../util/process/lock.js';
import { buildKernel, treeOf } from './build.js';
import { forgetOldTrees } from './old-trees.js';
import { onDisk } from '../cache/cache.js';
import { readImage, storedImages } from '../cache/read-image.js';
import { gitOf } from '../source/checkout.js';
import { collect } from './collect.js';
import { compilerVersion } from './compiler.js';
import { type ImageContext, openWorkspace, type Workspace } from '../context.js';
import { coreOf } from '../definition/core.js';
import type { KernelDefinition } from '../definition/definition.js';
import { readFragment } from './fragment.js';
import { inputsOf, keyWith } from './keys.js';
import { ensureTools, type Purpose } from '../requirements.js';
import { prebuiltKernel } from '../binary/prebuilt.js';
import { isKnown, resolveKernel } from '../definition/resolve.js';
import { trustsBuildKey } from '../signing/keys.js';
import { readStoredImage } from './stored-image.js';
import { pullKernel } from '../store/pull.js';
import { type Missing, tryStore } from '../store/try-store.js';
import { describe, ensureSource, knownSource, namedSource, originKey } from '../source/source.js';

/**
 * How much of a kernel is needed. `core`: enough for scenarios without guests and devices; the full kernel serves, too,
 * if it is there.
 */
export type Extent = 'core' | 'full';

export async function ensureKernel(
  nameOrPath: string,
  context: ImageContext,
  extent: Extent = 'full',
): Promise<KernelImage> {
  const work = openWorkspace(context);
  work.signal.throwIfAborted();
  const wanted = resolveKernel(nameOrPath);
  return onDisk(work.cache, async () => {
    if (wanted.kind === 'files') return prebuiltKernel(resolve(nameOrPath), wanted.files, work);
    const { definition } = wanted;
    const core = extent === 'core' ? coreOf(definition) : null;
    const image = await (core === null ? ensureDefined(definition, work) : ensureEither(definition, core, work));
    return named(image, definition);
  });
}

/** A definition that its name does not find is called by its path. */
function named(image: KernelImage, definition: KernelDefinition): KernelImage {
  return { ...image, name: isKnown(definition) ? definition.name : definition.file };
}

/** The full kernel if it need not be built, else the small one. */
async function ensureEither(full: KernelDefinition, core: KernelDefinition, work: Workspace): Promise<KernelImage> {
  const asCore = (image: KernelImage): KernelImage => ({ ...image, name: full.name, variant: 'core' });
  const cached = await findBuilt(full, work);
  if (cached !== null) return cached;
  const small = await findBuilt(core, work);
  if (small !== null) return asCore(small);
  const fetched = await fromStore(full, work, 'silent');
  if (fetched !== null) return fetched;
  const neither = { name: `kernel ${full.name}, full or small` };
  return asCore((await fromStore(core, work, neither)) ?? (await make(core, work)));
}

/** A kernel in this extent and no other, so that several kernels have the same options. */
export async function ensureExactly(name: string, extent: Extent, context: ImageContext): Promise<KernelImage> {
  const work = openWorkspace(context);
  const resolved = resolveKernel(name);
  if (resolved.kind !== 'definition') return ensureKernel(name, context);
  const { definition } = resolved;
  const wanted = (extent === 'core' ? coreOf(definition) : null) ?? definition;
  return onDisk(work.cache, async () => named(await ensureDefined(wanted, work), definition));
}

/** Provides the kernel of a definition, which need not come from a file. */
export async function ensureDefined(definition: KernelDefinition, work: Workspace): Promise<KernelImage> {
  if (definition.prebuilt) return prebuiltKernel(definition.name, definition.prebuilt, work);
  const ready = (await findBuilt(definition, work)) ?? (await fromStore(definition, work));
  return ready ?? { ...(await make(definition, work)), name: definition.name };
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

/** A kernel from the image store; null if there is no store, or if it cannot provide the kernel. */
async function fromStore(
  definition: KernelDefinition,
  work: Workspace,
  missing?: Missing,
): Promise<KernelImage | null> {
  const what = `kernel ${definition.name}`;
  const taken = await tryStore(what, work, (store) => pullKernel(definition, store, work), missing);
  return taken ? findBuilt(definition, work) : null;
}

/** The configuration of a distribution has certificates, and so has that of a kernel with a key of its own. */
function furtherTools({ configOf, config }: KernelDefinition): Purpose[] {
  if (configOf !== null) return ['certificates', 'distribution'];
  return config.some((file) => trustsBuildKey(readFragment(file).text)) ? ['certificates'] : [];
}

async function make(definition: KernelDefinition, work: Workspace): Promise<KernelImage> {
  await ensureTools(['unpack', 'build', ...furtherTools(definition)], work);
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
    const facts = {
      name: definition.name,
      inputs,
      source: describe(tree.source),
      sourceId: tree.id,
      compiler,
      builtAt: new Date().toISOString(),
      seconds: built.seconds,
    };
    await collect(built.tree, key, facts, work);
    await forgetOldTrees(work);
    const image = readImage(work.cache, key);
    if (!image) throw new LabError(`kernel ${definition.name} was built, but is missing from the cache`);
    return image;
  });
}
