// SPDX-License-Identifier: Apache-2.0
import { availableParallelism } from 'node:os';
import { type OnProgress, thinOut } from '../util/progress.js';
import { Cache, defaultCacheDir } from './cache/cache.js';

/** The settings that every function of this folder gets. */
export interface ImageContext {
  onProgress: OnProgress;
  /** Takes a line that the user should see even when the work goes on. */
  onNote?: ((line: string) => void) | undefined;
  signal: AbortSignal;
  /** Folder of the cache. The default is $LAB_CACHE, $XDG_CACHE_HOME/liveupdate-lab or ~/.cache/liveupdate-lab. */
  cacheDir?: string | undefined;
  /** How many processes a build may run at once. The default is the number of processors. */
  jobs?: number | undefined;
  /** Address of the image store. The default is $LAB_IMAGE_STORE; null is none. */
  store?: string | null | undefined;
}

/** The settings with defaults filled in. */
export interface Workspace {
  cache: Cache;
  jobs: number;
  signal: AbortSignal;
  onProgress: OnProgress;
  onNote: (line: string) => void;
  /** Address of the image store; null if there is none. */
  store: string | null;
}

export function openWorkspace(context: ImageContext): Workspace {
  return {
    cache: new Cache(context.cacheDir ?? defaultCacheDir()),
    jobs: context.jobs ?? availableParallelism(),
    signal: context.signal,
    onProgress: thinOut(context.onProgress),
    onNote: context.onNote ?? (() => undefined),
    store: context.store === undefined ? process.env['LAB_IMAGE_STORE'] || null : context.store,
  };
}
