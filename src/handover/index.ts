// SPDX-License-Identifier: Apache-2.0
export { type Changed, changeAt } from './change.js';
export { dumpHandover, type Dumped } from './dump.js';
export { describeHandover, type HandedFile, type HandedSession, type HandoverListing } from './describe.js';
export { readFdt } from './fdt.js';
export { findPlace } from './find.js';
export { luoToRemember } from './luo.js';
export { HandoverError, PAGE, type ReadPhys, textOf } from './memory.js';
export { PageCache } from './page-cache.js';
export { findRoots, rootVersion } from './roots.js';
export { type HandoverSource, Walk } from './source.js';
export type { Spot } from './spot.js';
export { structureAt } from './structure.js';
export { trackedPages } from './tracked.js';
export { trackedInXarray } from './tracker.js';
export { metadataOf } from './trees.js';
