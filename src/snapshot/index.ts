// SPDX-License-Identifier: Apache-2.0
// Saved machines (docs/snapshots.md).
export { JOURNAL_FILE, readJournal, type Entry } from './journal/entry.js';
export { Journal, type Marked } from './journal/journal.js';
export { Divergence, Replay } from './journal/replay.js';
export { keyedOperations, ladderKey, type LadderParts } from './key.js';
export type { Manifest, SavedFile, SavedRung } from './manifest.js';
export { type Eligible, eligible, hasJumpFault } from './eligible.js';
export { operationsBeforeFiles } from './before-files.js';
export { keyOfPlan } from './key-of-plan.js';
export { resumedOf, resumingFrom } from './parts/from-ladder.js';
export { saveWithQemu } from './parts/qemu.js';
export { Resuming, type ResumeMachine, type ResumingOptions, Silent, Unusable } from './parts/resuming.js';
export { type SaveMachine, Saving } from './parts/saving.js';
export { HeldLadder } from './parts/held-ladder.js';
export { openStages, type OpenStages } from './parts/stages.js';
export type { Stage } from './parts/way.js';
export { qemuBuild, type QemuBuild } from './qemu-build.js';
export { snapshotsDir, snapshotSettings, type SnapshotSettings } from './settings.js';
export type { Draft, DraftManifest, DraftRung, Published } from './store/draft.js';
export type { Ladder } from './store/ladder.js';
export { markStuck, stuckReason } from './store/stuck.js';
export { type Begun, type Found, SnapshotStore } from './store/store.js';
