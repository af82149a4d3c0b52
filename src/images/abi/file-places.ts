// SPDX-License-Identifier: Apache-2.0
// Where a kernel of the lab keeps what it knows of an open file, by its own compiler and configuration.
import type { ImageContext } from '../index.js';
import type { FilePlaces } from '../../model/kernel/file-places.js';
import type { KernelImage } from '../../model/kernel/image.js';
import { LabError } from '../../util/errors.js';
import { kernelTypes } from './kernel-abi.js';

/** Null if that is not known: of a ready-made kernel, or of a small one, whose configuration is another. */
export async function filePlaces(image: KernelImage, context: ImageContext): Promise<FilePlaces | null> {
  if (image.variant === 'core') return null;
  try {
    return (await kernelTypes(image.name, [], context)).files;
  } catch (error) {
    if (error instanceof LabError) return null;
    throw error;
  }
}
