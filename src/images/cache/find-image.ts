// SPDX-License-Identifier: Apache-2.0
// Finds kernels in the cache by content, not by name.
import { existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { KernelImage } from '../../model/kernel/image.js';
import { type ImageContext, openWorkspace } from '../context.js';
import { sha256File } from '../source/download.js';
import { readImage, storedImages } from './read-image.js';

/** Returns the cached kernel that a bzImage belongs to, by its path; null if it is not in the cache. */
export function findImage(bzImage: string, context: ImageContext): KernelImage | null {
  const { cache } = openWorkspace(context);
  const key = basename(dirname(bzImage));
  return cache.kernel(key) === dirname(bzImage) ? readImage(cache, key) : null;
}

/** A kernel by the SHA-256 of its bzImage, which is computed again: a file that was changed since is not it. */
export async function findByHash(sha256: string, context: ImageContext): Promise<KernelImage | null> {
  const { cache, signal } = openWorkspace(context);
  for (const [key, stored] of storedImages(cache)) {
    if (stored.sha256 !== sha256) continue;
    const image = readImage(cache, key);
    if (image !== null && existsSync(image.bzImage) && (await sha256File(image.bzImage, signal)) === sha256)
      return image;
  }
  return null;
}
