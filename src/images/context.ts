// SPDX-License-Identifier: Apache-2.0
import { availableParallelism } from 'node:os';
import { type OnProgress, thinOut } from '../util/progress.js';
import { Cache, defaultCacheDir } from './cache/cache.js';

/** The settings that every function of this folder gets. */
export interface ImageContext {
  onProgress: OnProgress;
  signal: AbortSignal;
  /** Folder of the cache. The default is $LAB_CACHE, $XDG_CACHE_HOME/liveupdate-lab or ~/.cache/liveupdate-lab. */
  cacheDir?: string | undefined;
  /** How many processes a build may run at once. The default is the number of processors. */
  jobs?: number | undefined;
}

/** The settings with defaults filled in. */
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
