// SPDX-License-Identifier: Apache-2.0
// Lists definitions and what the cache holds of each.
import { existsSync } from 'node:fs';
import type { KernelImage, RootFs, Userspace } from '../../model/kernel/image.js';
import { LabError, messageOf } from '../../util/errors.js';
import { type ImageContext, openWorkspace, type Workspace } from '../context.js';
import { coreOf } from '../definition/core.js';
import { type KernelDefinition, knownDefinitions, readDefinition } from '../definition/definition.js';
import { ensureKernel, findBuilt } from '../build/kernel.js';
import { bytesIn, folders } from './folders.js';
import { storedImages } from './read-image.js';
import { readStoredImage, type StoredImage } from '../build/stored-image.js';
import { prebuiltFacts } from '../binary/prebuilt.js';
import { resolveKernel } from '../definition/resolve.js';
import { currentRootFs } from '../build/rootfs.js';
import { knownSource } from '../source/source.js';
import { currentUserspace, userspaceFolders } from '../userspace/build.js';
import { knownUserspaces, userspaceDefinition } from '../userspace/definition.js';

/** The root file system's name in the list. */
export const ROOTFS_NAME = 'rootfs';

/** Before the name of a user space in the list. */
const USERSPACE = 'userspace/';

/** The user space of that name in the list; null for the name of something else. */
export function userspaceOf(name: string): string | null {
  return name.startsWith(USERSPACE) ? name.slice(USERSPACE.length) : null;
}

export interface ImageEntry {
  kind: 'kernel' | 'rootfs' | 'userspace';
  name: string;
  description: string;
  /** `broken`: its definition cannot be read, and `problem` says why. */
  state: 'ready' | 'missing' | 'broken';
  problem: string | null;
  image: KernelImage | RootFs | Userspace | null;
  /** Bytes in the cache. */
  bytes: number;
  /** Images of the same name that were made from other inputs. */
  stale: number;
  /** The small variant; null if there is none. It serves scenarios without guests and devices. */
  small: SmallVariant | null;
}

export interface SmallVariant {
  state: 'ready' | 'missing';
  image: KernelImage | null;
  bytes: number;
  stale: number;
}

export async function listImages(context: ImageContext): Promise<ImageEntry[]> {
  const work = openWorkspace(context);
  const stored = storedImages(work.cache);
  const entries: ImageEntry[] = [];
  for (const [name, file] of knownDefinitions()) entries.push(await kernelEntry(name, file, stored, work));
  const rootfs = currentRootFs(work);
  entries.push({
    kind: 'rootfs',
    name: ROOTFS_NAME,
    description: 'busybox, dropbear, init and the agent as an initramfs',
    state: rootfs ? 'ready' : 'missing',
    problem: null,
    image: rootfs,
    bytes: rootfs?.size ?? 0,
    stale: Math.max(0, folders(work.cache.rootfses()).length - (rootfs ? 1 : 0)),
    small: null,
  });
  for (const name of knownUserspaces().keys()) entries.push(userspaceEntry(name, work));
  return entries;
}

function userspaceEntry(name: string, work: Workspace): ImageEntry {
  const common = { kind: 'userspace' as const, name: `${USERSPACE}${name}`, small: null };
  try {
    const current = currentUserspace(name, work);
    return {
      ...common,
      description: userspaceDefinition(name).description,
      state: current === null ? 'missing' : 'ready',
      problem: null,
      image: current,
      bytes: current?.size ?? 0,
      stale: userspaceFolders(name, work).length - (current === null ? 0 : 1),
    };
  } catch (error) {
    return { ...common, description: '', state: 'broken', problem: messageOf(error), image: null, bytes: 0, stale: 0 };
  }
}

async function kernelEntry(
  name: string,
  file: string,
  stored: readonly [string, StoredImage][],
  work: Workspace,
): Promise<ImageEntry> {
  let definition: KernelDefinition;
  let image: KernelImage | null;
  let small: SmallVariant | null;
  try {
    definition = readDefinition(file);
    // A prebuilt kernel needs no build; it is read on use.
    image = definition.prebuilt ? null : await findBuilt(definition, work);
    small = await smallVariant(definition, stored, work);
  } catch (error) {
    work.signal.throwIfAborted();
    return {
      kind: 'kernel',
      name,
      description: '',
      state: 'broken',
      problem: messageOf(error),
      image: null,
      bytes: 0,
      stale: 0,
      small: null,
    };
  }
  return {
    kind: 'kernel',
    name,
    description: definition.description,
    state: image !== null || definition.prebuilt ? 'ready' : 'missing',
    problem: null,
    image,
    ...inCache(name, image, stored),
    small,
  };
}

async function smallVariant(
  definition: KernelDefinition,
  stored: readonly [string, StoredImage][],
  work: Workspace,
): Promise<SmallVariant | null> {
  const core = coreOf(definition);
  if (core === null) return null;
  const image = await findBuilt(core, work);
  return { state: image === null ? 'missing' : 'ready', image, ...inCache(core.name, image, stored) };
}

function inCache(name: string, image: KernelImage | null, stored: readonly [string, StoredImage][]) {
  const same = stored.filter(([, entry]) => entry.name === name).length;
  return { bytes: image?.cacheDir ? bytesIn(image.cacheDir) : 0, stale: Math.max(0, same - (image ? 1 : 0)) };
}

export interface ImageDetails extends ImageEntry {
  definition: KernelDefinition | null;
  /** The inputs of the build; null if the kernel was not built here. */
  built: { source: string; compiler: string; builtAt: string; seconds: number } | null;
  /** Whether the source tree is in the cache. */
  sourceTree: string | null;
  notes: string[];
}

/** All about one image, by name or path. Builds nothing. */
export async function showImage(nameOrPath: string, context: ImageContext): Promise<ImageDetails> {
  const work = openWorkspace(context);
  if (nameOrPath === ROOTFS_NAME) {
    const entry = (await listImages(context)).find((candidate) => candidate.kind === 'rootfs');
    if (!entry) throw new LabError('no root file system is listed');
    return { ...entry, definition: null, built: null, sourceTree: null, notes: [] };
  }
  const userspace = userspaceOf(nameOrPath);
  if (userspace !== null) {
    const { file } = userspaceDefinition(userspace);
    const packages = currentUserspace(userspace, work)?.packages ?? [];
    const notes = [`defined in ${file}`, ...packages];
    return { ...userspaceEntry(userspace, work), definition: null, built: null, sourceTree: null, notes };
  }
  const resolved = resolveKernel(nameOrPath);
  const prebuilt = resolved.kind === 'files' ? resolved.files : resolved.definition.prebuilt;
  const definition = resolved.kind === 'definition' ? resolved.definition : null;
  if (prebuilt || !definition) {
    const image = await ensureKernel(nameOrPath, context);
    const notes = prebuilt ? (await prebuiltFacts(prebuilt, work)).notes : [];
    const about = {
      kind: 'kernel' as const,
      name: image.name,
      description: definition?.description ?? 'ready-made',
      problem: null,
    };
    const nothing = { bytes: 0, stale: 0, small: null, built: null, sourceTree: null };
    return { ...about, ...nothing, state: 'ready', image, definition, notes };
  }
  const stored = storedImages(work.cache);
  const entry = await kernelEntry(definition.name, definition.file, stored, work);
  const image = entry.image as KernelImage | null;
  const facts = image?.cacheDir ? readStoredImage(image.cacheDir) : null;
  const source = await knownSource(definition, work);
  return {
    ...entry,
    definition,
    built: facts && { source: facts.source, compiler: facts.compiler, builtAt: facts.builtAt, seconds: facts.seconds },
    sourceTree: source && existsSync(source.dir) ? source.dir : null,
    notes: facts?.notes ?? [],
  };
}

/** Names of all definitions, oldest version first. */
export function definedKernels(): string[] {
  return [...knownDefinitions().keys()];
}

/**
 * Names of all definitions that `lab images build` builds without a name. It includes those that cannot be read,
 * because building one prints the reason.
 */
export function buildableNames(): string[] {
  return [...knownDefinitions()].filter(([, file]) => !onDemand(file)).map(([name]) => name);
}

function onDemand(file: string): boolean {
  try {
    return readDefinition(file).onDemand;
  } catch {
    return false;
  }
}
