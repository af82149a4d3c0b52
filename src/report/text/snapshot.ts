// SPDX-License-Identifier: Apache-2.0
// What a run started from, in words.
import type { SnapshotOfResult } from '../../model/result/snapshot.js';
import { printable } from '../../util/text/escape.js';
import { dateText } from './time.js';

/** One line; null if the result does not say. */
export function snapshotWords(snapshot: SnapshotOfResult | null): string | null {
  if (snapshot === null) return null;
  return 'none' in snapshot
    ? `booted cold: ${printable(snapshot.none, 300)}`
    : `from a snapshot: ${snapshot.rung}, saved ${dateText(snapshot.savedAt)}`;
}

/** The lines for the verdict in a terminal. */
export function snapshotText(snapshot: SnapshotOfResult | null): string[] {
  if (snapshot === null) return [];
  return 'none' in snapshot
    ? ['', `  cold      ${printable(snapshot.none, 300)}`]
    : ['', `  from a snapshot   ${snapshot.rung}, saved ${dateText(snapshot.savedAt)} (--cold boots everything)`];
}
