// SPDX-License-Identifier: Apache-2.0
// Provides the code of a kernel that ran. What was read once stays in the cache: debug information is large.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FormatError } from '../../compat/index.js';
import { writeJson } from '../../images/cache/cache.js';
import {
  ensureSymbols,
  ensureTools,
  findByHash,
  findSymbols,
  type ImageContext,
  openWorkspace,
  sourceTreeOf,
} from '../../images/index.js';
import type { KernelImage } from '../../model/kernel/image.js';
import { LabError, messageOf } from '../../util/errors.js';
import { readJson } from '../../util/read-json.js';
import { type KernelCode, kernelCode, readKernelCode } from './kernel-code.js';
import { watchedKernel } from '../log/watched-code.js';

export interface LoadedKernel {
  code: KernelCode;
  /** Why its source lines are not known; null if they are. */
  noLines: string | null;
  /** The lines of a source file; null if its text is not there. */
  textOf: (path: string) => string[] | null;
}

export interface LoadOptions {
  /**
   * Whether to build debug information that is missing, use it only if it is there, or do without: a name that somebody
   * else's run gives a kernel must not be looked up.
   */
  symbols: 'build' | 'find' | 'none';
  context: ImageContext;
}

/** Raised when the same kernel would give another description. */
const FORMAT = 1;
const MAX_SOURCE = 4 << 20;

/** Throws a LabError if the kernel is not on this host. */
export async function loadKernel(
  { name, sha256 }: { name: string; sha256: string },
  { symbols, context }: LoadOptions,
): Promise<LoadedKernel> {
  const image = await findByHash(sha256, context);
  if (image === null)
    throw new LabError(`exactly this ${name} is not on this host, so its code is unknown`, {
      hint: 'lab images list   shows those that are',
    });
  const { code: watched, why } = watchedKernel(image);
  if (watched === null || image.vmlinux === null)
    throw new LabError(why ?? `${name} has no vmlinux, so its code cannot be read`);
  const withVmlinux = { ...image, vmlinux: image.vmlinux };
  const work = openWorkspace(context);
  const kept = (how: 'lines' | 'plain') => work.cache.fact(`coverage-${FORMAT}-${how}-${sha256.slice(0, 32)}`);
  const textOf = symbols === 'none' ? () => null : await sourceOf(name, context);
  const lines = readJson(kept('lines'), kernelCode);
  if (lines !== null) return { code: { ...lines, name }, noLines: null, textOf };
  const found = await describedBy(name, image, { symbols, context });
  const plain = found.vmlinux === null ? readJson(kept('plain'), kernelCode) : null;
  if (plain !== null) return { code: { ...plain, name }, noLines: found.why, textOf };
  await ensureTools(['build'], work);
  const code = await readKernelCode(withVmlinux, watched, found.vmlinux, context.signal);
  writeJson(kept(code.files === null ? 'plain' : 'lines'), code);
  return { code: { ...code, name }, noLines: code.files === null ? found.why : null, textOf };
}

async function describedBy(
  name: string,
  image: KernelImage,
  { symbols, context }: LoadOptions,
): Promise<{ vmlinux: string | null; why: string | null }> {
  if (symbols === 'none')
    return { vmlinux: null, why: 'the run came from somebody else: --trust looks its kernels up' };
  try {
    const found =
      symbols === 'build' ? await ensureSymbols(name, image, context) : await findSymbols(name, image, context);
    if (found === null) return { vmlinux: null, why: 'debug information was not built' };
    return found.lines ? { vmlinux: found.vmlinux, why: null } : { vmlinux: null, why: found.why };
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof LabError || error instanceof FormatError) return { vmlinux: null, why: messageOf(error) };
    throw error;
  }
}

/** Reads files of the tree that the kernel was built in, or else of its plain source. */
async function sourceOf(name: string, context: ImageContext): Promise<LoadedKernel['textOf']> {
  const tree = await sourceTreeOf(name, context).catch(() => null);
  return (path) => {
    if (tree === null || path.startsWith('/') || path.split('/').includes('..')) return null;
    try {
      return readFileSync(join(tree, path), 'utf8').slice(0, MAX_SOURCE).split('\n');
    } catch {
      return null;
    }
  };
}
