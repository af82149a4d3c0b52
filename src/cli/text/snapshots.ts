// SPDX-License-Identifier: Apache-2.0
// The section "snapshots" of `lab doctor`.
import { bytesText } from '../../util/bytes.js';
import { printable } from '../../util/text/escape.js';

const MAX_STUCK = 5;

export interface SnapshotsState {
  enabled: boolean;
  /** Saved machines, and their bytes on disk. */
  count: number;
  bytes: number;
  maxBytes: number;
  /** Why some of them have no rung after the jump. */
  stuck: readonly string[];
  /** What this command has removed; null if it was not asked to. */
  removed: { ladders: number; bytes: number } | null;
}

export function snapshotsText({ enabled, count, bytes, maxBytes, stuck, removed }: SnapshotsState): string {
  const lines = [
    `${machines(count)}, ${bytesText(bytes)} of at most ${bytesText(maxBytes)}`,
    ...(removed === null ? [] : [`removed: ${machines(removed.ladders)}, ${bytesText(removed.bytes)}`]),
    ...stuck.slice(0, MAX_STUCK).map((why) => `one has no rung after the jump: ${printable(why, 200)}`),
    ...(stuck.length > MAX_STUCK ? [`and ${stuck.length - MAX_STUCK} more`] : []),
    ...(enabled ? [] : ['turned off: every run boots (LAB_SNAPSHOTS, LAB_SNAPSHOTS_SIZE)']),
    ...(count === 0
      ? []
      : [removed === null ? 'to remove them: lab doctor --forget-snapshots' : 'these are in use by a run']),
  ];
  return ['snapshots', ...lines.map((line) => `  ${line}`)].join('\n');
}

const machines = (count: number): string => `${count} saved machine${count === 1 ? '' : 's'}`;
