// SPDX-License-Identifier: Apache-2.0
// Removes images from the cache.
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { UsageError } from '../../util/errors.js';
import { withLock } from '../../util/process/lock.js';
import { type ImageContext, openWorkspace, type Workspace } from '../context.js';
import { coreName } from '../definition/core.js';
import { knownDefinitions, readDefinition } from '../definition/definition.js';
import { resolveKernel } from '../definition/resolve.js';
import { knownSource } from '../source/source.js';
import { bytesIn, folders } from './folders.js';
import { userspaceFolders, userspaceLock } from '../userspace/build.js';
import { userspaceDefinition } from '../userspace/definition.js';
import { ROOTFS_NAME, userspaceOf } from './list.js';
import { storedImages } from './read-image.js';

export interface Removed {
  name: string;
  /** Removed paths. */
  paths: string[];
  bytes: number;
}

/** Removes an image, its small variant and all older ones of its name. Its source tree goes on request. */
export async function removeImage(
  name: string,
  context: ImageContext,
  options: { sources?: boolean } = {},
): Promise<Removed> {
  const work = openWorkspace(context);
  const paths = new Set<string>();
  if (name === ROOTFS_NAME) {
    for (const key of folders(work.cache.rootfses())) paths.add(work.cache.rootfs(key));
    return removePaths(name, paths, work, ['rootfs']);
  }
  const userspace = userspaceOf(name);
  if (userspace !== null) {
    for (const path of userspaceFolders(userspace, work)) paths.add(path);
    // Throws if there is none of that name at all.
    if (paths.size === 0) userspaceDefinition(userspace);
    return removePaths(name, paths, work, [userspaceLock(userspace)]);
  }
  const locks: string[] = [];
  const small = coreName(name);
  for (const [key, stored] of storedImages(work.cache)) {
    if (stored.name !== name && stored.name !== small) continue;
    paths.add(work.cache.kernel(key));
    locks.push(`kernel-${key}`);
    if (options.sources) paths.add(work.cache.source(stored.sourceId));
  }
  const file = knownDefinitions().get(name);
  if (file === undefined && paths.size === 0) {
    resolveKernel(name);
    throw new UsageError(`${name} is not in the cache: only its files are used, where they lie`);
  }
  if (file !== undefined && options.sources) {
    const source = await knownSource(readDefinition(file), work).catch(() => null);
    if (source) paths.add(source.dir);
  }
  return removePaths(name, paths, work, locks);
}

async function removePaths(
  name: string,
  paths: ReadonlySet<string>,
  work: Workspace,
  locks: readonly string[],
): Promise<Removed> {
  const removed: Removed = { name, paths: [], bytes: 0 };
  const take = async (rest: readonly string[]): Promise<void> => {
    const [lock, ...more] = rest;
    if (lock !== undefined) return withLock(work.cache.lock(lock), { signal: work.signal }, () => take(more));
    for (const path of paths) {
      if (!existsSync(path)) continue;
      removed.bytes += bytesIn(path);
      await rm(path, { recursive: true, force: true });
      removed.paths.push(path);
    }
  };
  // The order is fixed, so that two labs cannot deadlock.
  await take([...locks].sort());
  return removed;
}
