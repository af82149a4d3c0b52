// SPDX-License-Identifier: Apache-2.0
// Defines a kernel with a patch series, and with each beginning of the series. The definitions and patches lie in the
// cache, named by their content. That is nobody's image folder, so their builds are confined (source/confine.ts).
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { UsageError } from '../../util/errors.js';
import { replaceFile } from '../../util/replace-file.js';
import { keyOf } from '../cache/cache.js';
import { type ImageContext, openWorkspace } from '../context.js';
import type { Extent } from '../build/kernel.js';
import { coreOf } from './core.js';
import type { KernelDefinition } from './definition.js';
import { resolveKernel } from './resolve.js';

/** What the kernels of a series are made of. */
export interface SeriesParts {
  /** A kernel by name or path. */
  base: string;
  /** A short name for the series. */
  name: string;
  /** What patch(1) gets, in order, as bytes (latin1). */
  patches: readonly string[];
  /** A tree whose commits are the series: that under it, and one for each patch. Then the base gives options alone. */
  commits: { tree: string; base: string; ids: readonly string[] } | null;
  extent: Extent;
}

export interface SeriesKernels {
  /** Folder of the definitions. */
  folder: string;
  /** Paths of definitions, by how many patches they have: the base is the first. */
  kernels: string[];
  /** Paths of the patches. */
  patches: string[];
}

/** Throws a UsageError if the base has no source to patch. Fetches and builds nothing. */
export function defineSeries(parts: SeriesParts, context: ImageContext): SeriesKernels {
  const { definition, extent } = baseOf(parts);
  const { commits, patches, name } = parts;
  const key = keyOf(['series', 1, definition.file, extent, patches, commits?.base ?? null, commits?.ids ?? null]);
  const folder = join(openWorkspace(context).cache.dir, 'series', key.slice(0, 16));
  const files = patches.map((_, index) => join(folder, `${String(index + 1).padStart(4, '0')}.patch`));
  for (const [index, file] of files.entries()) write(file, Buffer.from(patches[index] ?? '', 'latin1'));
  const base = commits === null ? definition.name : `${commits.base.slice(0, 12)}`;
  const common = ['build: on-demand', ''];
  const sourceAt = (ref: string) => [`sources: [{kind: git, path: ${JSON.stringify(commits?.tree)}, ref: ${ref}}]`];
  const config = extent === 'core' ? [`config: ${JSON.stringify(definition.core)}`] : [];
  const kernels = [join(folder, `${base}.yaml`)];
  write(kernels[0] ?? '', [
    `description: ${JSON.stringify(`The base of ${name}`)}`,
    `base: ${JSON.stringify(definition.file)}`,
    ...config,
    ...(commits === null ? [] : sourceAt(commits.base)),
    ...common,
  ]);
  for (let count = 1; count <= patches.length; count++) {
    const whole = count === patches.length;
    const file = join(folder, `${base}-${name}${whole ? '' : `-${count}of${patches.length}`}.yaml`);
    kernels.push(file);
    write(file, [
      `description: ${JSON.stringify(`${base} with ${count} of ${patches.length} patches of ${name}`)}`,
      `base: ${JSON.stringify(`./${base}.yaml`)}`,
      ...(commits === null
        ? [`patches: ${JSON.stringify(files.slice(0, count).map((path) => `./${basename(path)}`))}`]
        : sourceAt(commits.ids[count - 1] ?? '')),
      ...common,
    ]);
  }
  return { folder, kernels, patches: files };
}

/** The base, and how much of it can be built: not every kernel has a small variant. */
function baseOf({ base, extent }: Pick<SeriesParts, 'base' | 'extent'>): {
  definition: KernelDefinition;
  extent: Extent;
} {
  const resolved = resolveKernel(base);
  if (resolved.kind !== 'definition' || resolved.definition.prebuilt !== null)
    throw new UsageError(`kernel ${base} is ready-made: there is no source to apply a series to`);
  const { definition } = resolved;
  return { definition, extent: extent === 'core' && coreOf(definition) === null ? 'full' : extent };
}

/** The name of a file has its content's key in it, so a file that is there is right. */
function write(path: string, content: Buffer | readonly string[]): void {
  if (!existsSync(path)) replaceFile(path, Buffer.isBuffer(content) ? content : content.join('\n'));
}
