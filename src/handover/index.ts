// SPDX-License-Identifier: Apache-2.0
export { type Changed, changeAt } from './place/change.js';
export { dumpHandover, type Dumped } from './dump.js';
export { describeHandover, type HandedFile, type HandedSession, type HandoverListing } from './describe.js';
export { readFdt } from './memory/fdt.js';
export { findPlace } from './place/find.js';
export { luoToRemember } from './luo/luo.js';
export { HandoverError, PAGE, type ReadPhys, textOf } from './memory/memory.js';
export { PageCache } from './memory/page-cache.js';
export { findRoots, rootVersion } from './kho/roots.js';
export { type HandoverSource, Walk } from './source.js';
export type { Spot } from './place/field-location.js';
export { structureAt } from './place/structure.js';
export { trackedPages } from './kho/tracked.js';
export { trackedInXarray } from './kho/tracker.js';
export { metadataOf } from './kho/trees.js';
