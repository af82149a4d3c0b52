// SPDX-License-Identifier: Apache-2.0
// Removes trees in which kernels were built. Each takes a few hundred MiB.
import { readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { tryLock } from '../../util/process/lock.js';
import type { Workspace } from '../context.js';

/** Separates, in the name of a tree, its source from the changes. */
export const CHANGED = '-';
/**
 * How many trees of finished kernels are kept, newest first: unchanged sources, and sources with patches or an overlay.
 */
const MAX_BUILT_TREES = 8;
const MAX_CHANGED_TREES = 3;

/** The lock of a tree. Who builds in the tree holds it. */
export function treeLock(name: string, { cache }: Workspace): string {
  return cache.lock(`tree-${name}`);
}

/**
 * Removes old trees, once a kernel is in the cache. Its own tree stays for the next configuration; patched ones are
 * often used only once. A tree in which another lab builds stays: during a long build, nothing changes in its folder
 * itself, so it looks old.
 */
export async function forgetOldTrees(work: Workspace): Promise<void> {
  const folder = dirname(work.cache.built('x'));
  const age = (name: string) => statSync(join(folder, name), { throwIfNoEntry: false })?.ctimeMs ?? 0;
  const trees = readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .map((name) => ({ name, age: age(name) }))
    .sort((a, b) => b.age - a.age)
    .map(({ name }) => name);
  const changed = trees.filter((name) => name.includes(CHANGED));
  const plain = trees.filter((name) => !name.includes(CHANGED));
  for (const name of [...plain.slice(MAX_BUILT_TREES), ...changed.slice(MAX_CHANGED_TREES)]) {
    const lock = await tryLock(treeLock(name, work), work.signal);
    if (lock === null) continue;
    try {
      await rm(join(folder, name), { recursive: true, force: true });
      await rm(join(work.cache.dir, 'ccache-foreign', name), { recursive: true, force: true });
    } finally {
      lock.release();
    }
  }
}
