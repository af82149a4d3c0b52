// SPDX-License-Identifier: Apache-2.0
// Gives a host the kernels that this one has built, so that it does not build them again. A host checks them as it
// checks those of another machine.
import { join } from 'node:path';
import { definedKernels, offerKernel, takeKernel } from '../../images/index.js';
import { loadScenario } from '../../scenario/index.js';
import { packageRoot } from '../../util/package-root.js';

/** Kernels of the scenarios; of all scenarios, if the host is to run all tests. */
export async function kernelsFor(scenarios: readonly string[], tests: 'all' | 'none'): Promise<string[]> {
  if (tests === 'all') return definedKernels();
  const read = scenarios.map((name) => loadScenario(join(packageRoot(), 'scenarios', name)));
  return [...new Set((await Promise.all(read)).flatMap(({ kernels }) => kernels))];
}

/** Kernels that are not built here are left out: the host builds what it needs. */
export async function shareKernels(names: readonly string[], cacheDir: string, signal: AbortSignal): Promise<void> {
  const onProgress = () => undefined;
  for (const name of names) {
    const offered = await offerKernel(name, { signal, onProgress });
    if (offered !== null) await takeKernel(name, { ...offered, data: offered.pack }, { signal, onProgress, cacheDir });
  }
}
