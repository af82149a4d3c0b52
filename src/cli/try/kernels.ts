// SPDX-License-Identifier: Apache-2.0
// Builds the kernels of a series, and says whether it is the series that cannot be built.
import { relative } from 'node:path';
import {
  checkApplies,
  DoesNotApply,
  DoesNotBuild,
  ensureExactly,
  ensureKernel,
  type Extent,
  type ImageContext,
  type SeriesKernels,
} from '../../images/index.js';
import type { KernelImage } from '../../model/kernel/image.js';
import type { TryStop } from '../../model/series/try.js';
import { inStage } from '../../report/live/progress.js';
import type { Series } from '../../series/series.js';
import { compilerErrors, patchFailure } from '../../series/verdict/build-errors.js';
import { messageOf } from '../../util/errors.js';
import { lastLines } from '../../util/process/command.js';
import { showAll } from '../common/show-progress.js';

type Signal = Pick<ImageContext, 'signal'>;

function stage<T>(title: string, signal: Signal, body: (context: ImageContext) => Promise<T>): Promise<T> {
  return inStage(title, (task) => body({ ...signal, ...showAll(task) }), process.stderr);
}

/** The kernel of the lab under the series. It is built as the lab's own, so that the series can start from its tree. */
export function buildBase(base: string, extent: Extent, signal: Signal): Promise<KernelImage> {
  return stage(`kernel ${base}`, signal, (context) => ensureExactly(base, extent, context));
}

/** Null if it applies. */
export async function applyAll(kernels: SeriesKernels, series: Series, signal: Signal): Promise<TryStop | null> {
  try {
    await stage('the patches apply', signal, (context) => checkApplies(kernels.kernels.at(-1) ?? '', context));
    return null;
  } catch (error) {
    if (!(error instanceof DoesNotApply)) throw error;
    const index = kernels.patches.indexOf(error.patch);
    // A patch of the base itself: not the series is wrong.
    if (index < 0) throw error;
    const { file, hunk, why } = patchFailure(error.output);
    const diff = series.patches[index]?.files.find(({ path, old }) => path === file || old === file);
    const lines = hunk === null ? undefined : diff?.hunks[hunk - 1];
    return {
      kind: 'does-not-apply',
      patch: index + 1,
      file,
      hunk,
      lines: [why, ...(lines === undefined ? [] : ['', lines.head, ...lines.lines.slice(0, 20)])],
    };
  }
}

export type Built = { image: KernelImage; failure: null } | { image: null; failure: DoesNotBuild };

/** @param count how many patches of the series it has */
export async function buildWith(
  { kernels }: SeriesKernels,
  count: number,
  shown: string,
  signal: Signal,
): Promise<Built> {
  try {
    const image = await stage(shown, signal, (context) => ensureKernel(kernels[count] ?? '', context));
    return { image, failure: null };
  } catch (error) {
    if (error instanceof DoesNotBuild) return { image: null, failure: error };
    throw error;
  }
}

/** What stands in the report about a series that does not build. */
export function buildStop(failure: DoesNotBuild, { patches }: Series): Extract<TryStop, { kind: 'does-not-build' }> {
  const { files, lines } = compilerErrors(failure.output);
  const touching = patches.filter((patch) => patch.files.some(({ path }) => files.includes(path)));
  return {
    kind: 'does-not-build',
    files,
    lines: lines.length > 0 ? lines : lastLines(messageOf(failure), 6).split('\n'),
    patches: touching.map(({ number }) => number),
    patch: null,
  };
}

/** A path for the user: as short as it is in their folder. */
export function shownPath(path: string): string {
  const near = relative('', path);
  return near.startsWith('..') ? path : near;
}
