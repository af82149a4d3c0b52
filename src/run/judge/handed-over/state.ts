// SPDX-License-Identifier: Apache-2.0
// What the lab knows of the pages that one kernel handed over, from the jump until the update is judged.
import type { ListedPages, PagesListing } from '../../../handover/index.js';
import type { FileMetadata } from '../../../model/evidence/handed-over.js';
import type { Fingerprints } from '../../../oracles/handed-over/fingerprints.js';
import type { ArrivalLook } from '../../../oracles/handed-over/follow.js';

export interface Followed {
  listing: Pick<PagesListing, 'sessions' | 'pages' | 'problems'>;
  files: FollowedPages[];
  prints: Fingerprints;
  /** Milliseconds spent so far. */
  ms: number;
  /** Names of files that a fault had changed before the jump: they are no longer what their pattern says. */
  touched: ReadonlySet<string>;
  /** Content of the lab's own files when the next kernel was up: a step that writes puts another pattern there. */
  patterns: Map<string, object>;
}

export interface FollowedPages extends Pick<ListedPages, 'session' | 'name' | 'handler' | 'runs' | 'problem'> {
  kind: ListedPages['kind'] | 'others';
  /** Its inode in the old kernel; null if it was not found. */
  before: FileMetadata | null;
  /** Null until the next kernel is up. */
  arrival: ArrivalLook | null;
}

/** Null: the machine has not jumped. `blind`: why nothing is followed. */
export type FollowState = Followed | { blind: string } | null;
