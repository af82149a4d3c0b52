// SPDX-License-Identifier: Apache-2.0
// Kernels for `lab check`. A built kernel is read from a few small files; any other is built first, as for a run.
import {
  buildableNames,
  definedKernels,
  ensureKernel,
  findBuilt,
  type ImageContext,
  kernelsOfSuite,
  kernelsOfTree,
  openWorkspace,
  resolveKernel,
} from '../../images/index.js';
import type { KernelImage } from '../../model/kernel/image.js';
import type { PlanKernels } from '../../scenario/index.js';
import { messageOf } from '../../util/errors.js';
import { runSetUp } from '../common/set-up.js';
import { showAll } from '../common/show-progress.js';

/** Why there is no such kernel, from its name alone; nothing is fetched or built. */
export function kernelProblem(name: string): string | null {
  try {
    resolveKernel(name);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** The kernels that a plan selects from: all definitions, those that are built by default, and those of git trees. */
export function planKernels(signal: AbortSignal): PlanKernels {
  const context = { signal, onProgress: () => undefined };
  return {
    all: definedKernels(),
    releases: buildableNames(),
    ofSuite: kernelsOfSuite,
    ofTree: (tree) => kernelsOfTree(tree, context),
    problem: kernelProblem,
  };
}

/** The images of these kernels by name. Throws a UsageError for an unknown name, before anything is built. */
export async function kernelImages(names: readonly string[], context: ImageContext): Promise<Map<string, KernelImage>> {
  const resolved = [...new Set(names)].map((name) => ({ name, kernel: resolveKernel(name) }));
  const images = new Map<string, KernelImage>();
  const work = openWorkspace(context);
  for (const { name, kernel } of resolved) {
    const ready =
      kernel.kind === 'files' || kernel.definition.prebuilt !== null
        ? await ensureKernel(name, context)
        : await findBuilt(kernel.definition, work);
    if (ready !== null) images.set(name, ready);
  }
  const missing = resolved.filter(({ name }) => !images.has(name));
  if (missing.length > 0) {
    await runSetUp(
      missing.map(({ name }) => ({
        title: `kernel ${name}`,
        run: async (task) => void images.set(name, await ensureKernel(name, { ...context, ...showAll(task) })),
      })),
    );
  }
  return images;
}
