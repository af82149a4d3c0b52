// SPDX-License-Identifier: Apache-2.0
// Finds the source of a kernel in the cache, for reading only.
import { existsSync } from 'node:fs';
import { treeOf } from '../build/build.js';
import { type ImageContext, openWorkspace } from '../context.js';
import { resolveKernel } from '../definition/resolve.js';
import { knownSource } from './source.js';

/**
 * Returns the tree that the kernel was built in, with patches and overlays, or else the plain source; null if neither
 * is there. Fetches nothing.
 */
export async function sourceTreeOf(name: string, context: ImageContext): Promise<string | null> {
  const resolved = resolveKernel(name);
  if (resolved.kind === 'files' || resolved.definition.prebuilt !== null) return null;
  const work = openWorkspace(context);
  const source = await knownSource(resolved.definition, work);
  if (source === null) return null;
  const { tree } = treeOf(resolved.definition, source.id, work);
  return [tree, source.dir].find((dir) => existsSync(dir)) ?? null;
}
