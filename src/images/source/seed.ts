// SPDX-License-Identifier: Apache-2.0
// A foreign kernel that differs from one of the lab's own in a few patches starts from a copy of the tree in which that
// one was built: its objects save most of the build. Nothing goes back. In its sandbox the copy has the path of the
// original, because make takes the objects of another path for old.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readJson } from '../../util/read-json.js';
import { writeJson } from '../cache/cache.js';
import { readImage } from '../cache/read-image.js';
import type { Workspace } from '../context.js';
import type { KernelDefinition } from '../definition/definition.js';

/** A file in the tree with the key of the kernel that make was last started for. */
export const KEY_FILE = '.lab-begun';

export interface Seed {
  /** The tree of the lab's own kernel, and the name of its lock. */
  tree: string;
  lock: string;
  /** How many of the patches it has. */
  patches: number;
  /** The lab's own kernel with these patches and the same configuration. */
  definition: KernelDefinition;
}

/** The first of these trees in which a kernel was built to its end. */
export function usableSeed(candidates: readonly Seed[], work: Workspace): Seed | null {
  return candidates.find(({ tree }) => wasBuilt(tree, work)) ?? null;
}

/** A tree whose last build was ended in the middle may have unfinished objects. */
function wasBuilt(tree: string, work: Workspace): boolean {
  const key = lastBuilt(tree);
  return key !== null && readImage(work.cache, key) !== null;
}

/** Key of the kernel that was built last in a tree. */
export function lastBuilt(tree: string): string | null {
  const file = join(tree, KEY_FILE);
  const key = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return /^[0-9a-f]{32}$/.test(key) ? key : null;
}

const movedSchema = z.object({ at: z.string() });
const fact = (name: string, work: Workspace) => work.cache.fact(`moved-${name}`);

/** The path that a tree has in its sandbox; undefined for its own. */
export function pathInside(name: string, work: Workspace): string | undefined {
  return readJson(fact(name, work), movedSchema)?.at;
}

/** @param at null for its own */
export function setPathInside(name: string, at: string | null, work: Workspace): void {
  if (at === null) rmSync(fact(name, work), { force: true });
  else writeJson(fact(name, work), { at });
}
