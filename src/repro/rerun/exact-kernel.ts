// SPDX-License-Identifier: Apache-2.0
// Finds exactly the kernel of a run, to the byte: in the cache, in a bundle, or by building it again and checking it.
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
  /** The name in the run. */
  name: string;
  /** Of the bzImage. */
  sha256: string;
  /** Null if an older lab made the run. */
  recipe: KernelRecipe | null;
  /** Checked files of a bundle; null without a bundle, or if it does not hold this kernel. */
  files: Parameters<typeof prebuiltKernel>[1] | null;
}

export interface ExactKernel {
  image: KernelImage;
  /** A message for the user if this is another build; else null. */
  note: string | null;
}

/**
 * Throws a LabError that says what differs.
 * @param options.otherBuild accept a rebuilt kernel that came out different
 */
export async function exactKernel(
  recorded: RecordedKernel,
  { otherBuild }: { otherBuild: boolean },
  context: ImageContext,
): Promise<ExactKernel> {
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
      `kernel ${name} (SHA-256 ${sha256.slice(0, 12)}) is no longer here and cannot be built again: ` +
        messageOf(error),
      {
        cause: error,
        detail:
          [
            recorded.recipe?.built &&
              `it was built from ${recorded.recipe.built.source} with ${recorded.recipe.built.compiler}`,
            error instanceof LabError ? error.detail : null,
          ]
            .filter(Boolean)
            .join('\n') || null,
        hint:
          'lab bundle RUN --kernels   on the host of the run packs the kernels; ' +
          'or use other kernels with --from and --to',
      },
    );
  }
  if (image.sha256 === sha256) return { image, note: null };
  const why = recorded.recipe === null ? [] : recipeDifferences(recorded.recipe, recipeOf(image));
  const what =
    `this host builds another kernel ${name}: ` +
    `SHA-256 ${image.sha256.slice(0, 12)} here, ${sha256.slice(0, 12)} in the run`;
  if (otherBuild) return { image, note: [what, ...why].join('; ') };
  throw new LabError(what, {
    detail: why.length > 0 ? why.join('\n') : 'the run did not record how its kernel was built',
    hint: 'lab repro RUN --other-build   uses this build anyway',
  });
}
