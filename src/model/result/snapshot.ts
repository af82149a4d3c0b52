// SPDX-License-Identifier: Apache-2.0
// Where a run can start from a saved machine, and what its result says of that.

/**
 * The moments at which a machine can be saved, in the order of a run. `booted`: the first kernel's user space is up.
 * `jump`: the old kernel has written everything, and the next one has read nothing. `kho`, `luo`: the next kernel is
 * about to read the KHO root, LUO's state. `open`: its user space is up, and nothing has opened /dev/liveupdate.
 * `retrieve`: its sessions are retrieved, and no file yet.
 */
export const RUNGS = ['booted', 'jump', 'kho', 'luo', 'open', 'retrieve'] as const;
export type Rung = (typeof RUNGS)[number];

/** Whether `rung` comes at `other` or after it. */
export function reaches(rung: Rung, other: Rung): boolean {
  return RUNGS.indexOf(rung) >= RUNGS.indexOf(other);
}

/** What a run started from: a saved machine, or a boot, with the reason for it. */
export type SnapshotOfResult = { rung: Rung; key: string; savedAt: string } | { none: string };

/** Where a run started; null if its machine booted. */
export function rungOf({ snapshot }: { snapshot: SnapshotOfResult | null }): Rung | null {
  return snapshot !== null && 'rung' in snapshot ? snapshot.rung : null;
}
