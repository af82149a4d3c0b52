// SPDX-License-Identifier: Apache-2.0
export { type ChangedBytes, changeAt, plainChange } from './place/change.js';
export { dumpHandover, type HandoverContents } from './dump.js';
export { describeHandover, type ListedFile, type ListedSession, type HandoverListing } from './describe.js';
export { readFdt } from './memory/fdt.js';
export { findPlace } from './place/find.js';
export { luoPointersToKeep } from './luo/luo.js';
export { HandoverError, PAGE, type ReadPhys, textOf } from './memory/memory.js';
export { PageCache } from './memory/page-cache.js';
export { findRoots, rootVersion } from './kho/roots.js';
export { type HandoverSource, Walk } from './memory/source.js';
export type { FieldLocation } from './memory/field-location.js';
export { structureAt } from './place/structure.js';
export { trackedPages } from './kho/tracked.js';
export { trackedInXarray } from './kho/tracker.js';
export { metadataOf } from './kho/trees.js';
export { FIRST_READERS, RUNG_SYMBOLS, SERIES, type Series } from './readers/first-readers.js';
export { type LastRung, placeKey, type Reader, seriesOf } from './readers/last-rung.js';
export { canWaitForJump, lastRungOf, type Pair } from './readers/of-scenario.js';
