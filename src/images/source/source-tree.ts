// SPDX-License-Identifier: Apache-2.0
// The source that a kernel was built of, where it lies in the cache: to be read, never to be changed.
import { existsSync } from 'node:fs';
import { treeOf } from '../build/build.js';
import { type ImageContext, openWorkspace } from '../context.js';
import { resolveKernel } from '../definition/resolve.js';
import { knownSource } from './source.js';

/**
 * With its patches and overlays where the tree that it was built in is still there. Null where there is none; fetches
 * nothing.
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
