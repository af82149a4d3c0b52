// SPDX-License-Identifier: Apache-2.0
// Describes by content what a kernel was made of: enough to make it again, or to tell how another one differs.
import { basename } from 'node:path';
import type { KernelImage } from '../../model/kernel/image.js';
import { readStoredImage } from './stored-image.js';
import { resolveKernel } from '../definition/resolve.js';
import { fileDigest, overlayFiles } from './tree.js';

export interface KernelRecipe {
  name: string;
  /** Of the bzImage. */
  sha256: string;
  release: string | null;
  /** Null for ready-made files. */
  built: { source: string; sourceId: string; inputs: string; compiler: string } | null;
  /** Fragments, patches and overlay files, in the order of their use. */
  config: RecipeFile[];
  patches: RecipeFile[];
  overlay: RecipeFile[];
}

export interface RecipeFile {
  name: string;
  sha256: string;
}

/** Collects the recipe of a kernel. Reads only small files. */
export function recipeOf(image: KernelImage): KernelRecipe {
  const stored = image.cacheDir === null ? null : readStoredImage(image.cacheDir);
  const built =
    stored === null
      ? null
      : { source: stored.source, sourceId: stored.sourceId, inputs: stored.inputs, compiler: stored.compiler };
  return { name: image.name, sha256: image.sha256, release: image.release, built, ...filesOf(image.name) };
}

function filesOf(name: string): Pick<KernelRecipe, 'config' | 'patches' | 'overlay'> {
  const none = { config: [], patches: [], overlay: [] };
  try {
    const resolved = resolveKernel(name);
    if (resolved.kind !== 'definition') return none;
    const { config, patches, overlay } = resolved.definition;
    const digests = (paths: readonly string[]) =>
      paths.map((path) => ({ name: basename(path), sha256: fileDigest(path) }));
    return {
      config: digests(config),
      patches: digests(patches),
      overlay: overlay.flatMap((dir) =>
        overlayFiles(dir).map(({ from, path }) => ({ name: path, sha256: fileDigest(from) })),
      ),
    };
  } catch {
    return none; // The definition may be gone by now.
  }
}
