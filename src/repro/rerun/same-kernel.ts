// SPDX-License-Identifier: Apache-2.0
// The kernel that a run was on, to the byte: from the cache, from a bundle, or made again from its recipe and checked.
import {
  ensureKernel,
  findByHash,
  type ImageContext,
  type KernelRecipe,
  openWorkspace,
  prebuiltKernel,
  recipeOf,
} from '../../images/index.js';
import type { KernelImage } from '../../model/kernel/image.js';
import { LabError, messageOf } from '../../util/errors.js';
import { recipeDifferences } from './recipe.js';

export interface RecordedKernel {
  /** As the run names it. */
  name: string;
  /** Of the bzImage. */
  sha256: string;
  /** Null where an older lab ran it. */
  recipe: KernelRecipe | null;
  /** Files that a bundle brings, checked; null where it brings none. */
  files: Parameters<typeof prebuiltKernel>[1] | null;
}

export interface SameKernel {
  image: KernelImage;
  /** What the user should know: it is another build. */
  note: string | null;
}

/**
 * @param otherBuild a kernel that was made again and has come out different is taken all the same. Throws a LabError
 * with what differs.
 */
export async function sameKernel(
  recorded: RecordedKernel,
  otherBuild: boolean,
  context: ImageContext,
): Promise<SameKernel> {
  const { name, sha256 } = recorded;
  const cached = await findByHash(sha256, context);
  if (cached !== null) return { image: { ...cached, name }, note: null };
  if (recorded.files !== null)
    return { image: await prebuiltKernel(name, recorded.files, openWorkspace(context)), note: null };
  let image: KernelImage;
  try {
    image = await ensureKernel(name, context);
  } catch (error) {
    context.signal.throwIfAborted();
    throw new LabError(
      `kernel ${name} (SHA-256 ${sha256.slice(0, 12)}) is gone and cannot be made again: ${messageOf(error)}`,
      {
        cause: error,
        detail:
          [
            recorded.recipe?.built &&
              `it was made of ${recorded.recipe.built.source} with ${recorded.recipe.built.compiler}`,
            error instanceof LabError ? error.detail : null,
          ]
            .filter(Boolean)
            .join('\n') || null,
        hint: 'lab bundle RUN --kernels   on the host of the run puts the kernels in; or --from and --to name others',
      },
    );
  }
  if (image.sha256 === sha256) return { image, note: null };
  const why = recorded.recipe === null ? [] : recipeDifferences(recorded.recipe, recipeOf(image));
  const what = `kernel ${name} is another build here: SHA-256 ${image.sha256.slice(0, 12)}, the run was on ${sha256.slice(0, 12)}`;
  if (otherBuild) return { image, note: [what, ...why].join('; ') };
  throw new LabError(what, {
    detail: why.length > 0 ? why.join('\n') : 'the run has not written down how it was made',
    hint: 'lab repro RUN --other-build   runs on this build all the same',
  });
}
