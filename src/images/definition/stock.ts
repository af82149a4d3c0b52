// SPDX-License-Identifier: Apache-2.0
// Whether a kernel reads a handover as upstream does. The lab knows the sources of distributions and its own patches;
// what others patch may read anything at any time.
import { join, sep } from 'node:path';
import type { KernelImage } from '../../model/kernel/image.js';
import { LabError } from '../../util/errors.js';
import { packageRoot } from '../../util/package-root.js';
import { resolveKernel } from './resolve.js';

export function isStock(image: Pick<KernelImage, 'name' | 'cacheDir'>): boolean {
  if (image.cacheDir === null) return false;
  try {
    const resolved = resolveKernel(image.name);
    if (resolved.kind !== 'definition') return false;
    const { prebuilt, sources, patches, overlay } = resolved.definition;
    return (
      prebuilt === null &&
      sources.every(({ kind }) => kind === 'apt-source' || kind === 'apt-binary') &&
      [...patches, ...overlay].every(isOwn)
    );
  } catch (error) {
    // The definition may be gone by now.
    if (error instanceof LabError) return false;
    throw error;
  }
}

/** A path of the lab's own files. */
function isOwn(path: string): boolean {
  return ['images', 'lab'].some((folder) => path.startsWith(join(packageRoot(), folder) + sep));
}
