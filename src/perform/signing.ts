// SPDX-License-Identifier: Apache-2.0
// Scenarios whose kernels are signed before they are loaded: what that needs, and the images of a run.
import { problemsOfSigning, signImage } from '../images/index.js';
import type { KernelImage } from '../model/kernel/image.js';
import type { Scenario } from '../model/scenario/scenario.js';
import type { MissingFeature, RunPlan } from '../run/index.js';

/** What the kernels of a scenario lack for the signature that it asks for. */
export function featuresMissingToSign({ sign }: Scenario, kernels: readonly KernelImage[]): MissingFeature[] {
  if (sign === undefined) return [];
  return problemsOfSigning(sign.by, kernels).map((problem) => ({ pos: sign.pos, ...problem }));
}

/** Signs the image of each next kernel for the one that loads it. Null if the scenario asks for none. */
export async function signedImages(
  { scenario: { sign }, kernels, dir }: Pick<RunPlan, 'scenario' | 'kernels' | 'dir'>,
  signal: AbortSignal,
): Promise<(string | null)[] | null> {
  if (sign === undefined) return null;
  const images: (string | null)[] = [null];
  for (const [epoch, running] of kernels.slice(0, -1).entries()) {
    const next = kernels[epoch + 1] as KernelImage;
    images.push(await signImage(next, epoch + 1, { by: sign.by, running, dir, signal }));
  }
  return images;
}
