// SPDX-License-Identifier: Apache-2.0
export {
  contains,
  CoverageLog,
  loggedRanges,
  type LogStart,
  type SeenCode,
  type WatchedCode,
  type WatchedKernel,
} from './log/coverage-log.js';
export { CoverageMap, type RanByKernel } from './log/coverage-map.js';
export { readBlocks } from './log/read-blocks.js';
export { type TranslatedBlock, TranslationReader } from './log/translations.js';
export { watchedKernel } from './log/watched-code.js';
export { COVERAGE_JSON, readCoverage } from './log/coverage-file.js';
export type { KernelCode } from './code/kernel-code.js';
export type { SourceFile } from './code/source-files.js';
export { lcov } from './report/lcov.js';
export { loadKernel, type LoadedKernel } from './code/load-kernel.js';
export { type CoveredRun, type MergedKernel, mergeRuns } from './report/merge.js';
export { type MissedLines, missedLines, reachedBy } from './report/questions.js';
export { type FileTally, linesOf, RanCode, type Share, tally, total } from './code/tally.js';
export { htmlPages, type Page, type ReportedKernel } from './report/html.js';
