// SPDX-License-Identifier: Apache-2.0
// The differences between two walks: all are counted in pages, the first ones are listed.
import { PAGE } from '../../handover/memory/memory.js';
import type { AccessState, Rights } from './walk/types.js';

export interface Side {
  phys: number;
  rights: Rights;
}

/** `lost`: no longer mapped. `changed`: leads elsewhere. `new`: was not mapped. `rights`: same page, other rights. */
export type DifferenceKind = 'lost' | 'changed' | 'new' | 'rights';

export interface Difference {
  kind: DifferenceKind;
  iova: bigint;
  /** Bytes. */
  length: number;
  before: Side | null;
  after: Side | null;
  /** Current owner of the memory behind the IOVA; null if none is known. */
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
  /** Pages of `changed` and `new` that belong to somebody else. */
  corrupt: number;
  state: { before: AccessState; after: AccessState };
  /** At most MAX_DIFFERENCES of each kind, and as many again that are corrupt. */
  differences: Difference[];
  /** False if one of the walks left something out. */
  complete: boolean;
}

export const MAX_DIFFERENCES = 64;

export function noDifferences(complete: boolean): Omit<TableComparison, 'state'> {
  return { same: 0, lost: 0, changed: 0, new: 0, rights: 0, corrupt: 0, differences: [], complete };
}

export function addDifference(found: Omit<TableComparison, 'state'>, difference: Difference): void {
  const pages = difference.length / PAGE;
  found[difference.kind] += pages;
  if (difference.corrupt) found.corrupt += pages;
  const alike = ({ kind, corrupt }: Difference): boolean => kind === difference.kind && corrupt === difference.corrupt;
  if (found.differences.reduce((count, other) => count + (alike(other) ? 1 : 0), 0) < MAX_DIFFERENCES)
    found.differences.push(difference);
}
