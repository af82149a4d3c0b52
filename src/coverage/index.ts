// SPDX-License-Identifier: Apache-2.0
export {
  contains,
  CoverageLog,
  loggedRanges,
  type LogStart,
  type SeenCode,
  type WatchedCode,
  type WatchedKernel,
} from './coverage-log.js';
export { CoverageMap, type RanByKernel } from './coverage-map.js';
export { readBlocks } from './read-blocks.js';
export { type TranslatedBlock, TranslationReader } from './translations.js';
export { watchedKernel } from './watched-code.js';
