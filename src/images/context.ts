// SPDX-License-Identifier: Apache-2.0
import { availableParallelism } from 'node:os';
import { type OnProgress, thinOut } from '../util/progress.js';
import { Cache, defaultCacheDir } from './cache/cache.js';

/** What every function of this folder is given. */
export interface ImageContext {
  onProgress: OnProgress;
  signal: AbortSignal;
  /** Folder of the cache; $LAB_CACHE, $XDG_CACHE_HOME/liveupdate-lab or ~/.cache/liveupdate-lab without it. */
  cacheDir?: string | undefined;
  /** Processes that a build may run at once; the number of processors without it. */
  jobs?: number | undefined;
}

/** The same, with defaults filled in. */
export interface Workspace {
  cache: Cache;
  jobs: number;
  signal: AbortSignal;
  onProgress: OnProgress;
}

export function openWorkspace(context: ImageContext): Workspace {
  return {
    cache: new Cache(context.cacheDir ?? defaultCacheDir()),
    jobs: context.jobs ?? availableParallelism(),
    signal: context.signal,
    onProgress: thinOut(context.onProgress),
  };
}
