// SPDX-License-Identifier: Apache-2.0
// What differs between two walks: all of it counted in pages, the first of it listed.
import { PAGE } from '../../handover/memory/memory.js';
import type { AccessState, Rights } from './walk/types.js';

export interface Side {
  phys: number;
  rights: Rights;
}

/**
 * `lost`: no longer mapped. `changed`: leads elsewhere. `new`: was not mapped. `rights`: the same page, other rights.
 */
export type DifferenceKind = 'lost' | 'changed' | 'new' | 'rights';

export interface Difference {
  kind: DifferenceKind;
  iova: bigint;
  /** Bytes. */
  length: number;
  before: Side | null;
  after: Side | null;
  /** Whose the memory behind the IOVA is now; null where nobody's that is known. */
  owner: string | null;
  /** The device now reaches memory of somebody else. */
  corrupt: boolean;
}

/** Counts are pages of 4096 bytes. */
export interface TableComparison {
  same: number;
  lost: number;
  changed: number;
  new: number;
  rights: number;
  /** Of `changed` and `new`: pages that belong to somebody else. */
  corrupt: number;
  state: { before: AccessState; after: AccessState };
  /** At most MOST_DIFFERENCES of each kind, and as many more of those that are corrupt. */
  differences: Difference[];
  /** False where one of the walks left something out. */
  complete: boolean;
}

export const MOST_DIFFERENCES = 64;

export function noDifferences(complete: boolean): Omit<TableComparison, 'state'> {
  return { same: 0, lost: 0, changed: 0, new: 0, rights: 0, corrupt: 0, differences: [], complete };
}

export function addDifference(found: Omit<TableComparison, 'state'>, difference: Difference): void {
  const pages = difference.length / PAGE;
  found[difference.kind] += pages;
  if (difference.corrupt) found.corrupt += pages;
  const alike = ({ kind, corrupt }: Difference): boolean => kind === difference.kind && corrupt === difference.corrupt;
  if (found.differences.reduce((count, other) => count + (alike(other) ? 1 : 0), 0) < MOST_DIFFERENCES)
    found.differences.push(difference);
}
