// SPDX-License-Identifier: Apache-2.0
// Compares two walks of one device, before and after: each IOVA must lead to the same page with the same rights.
// Otherwise it reports the difference.
import { PAGE } from '../../handover/memory/memory.js';
import { addDifference, type Difference, noDifferences, type Side, type TableComparison } from './differences.js';
import type { DeviceTables, MappingRun } from './walk/types.js';

/** Returns the name of the current owner of a physical address; null if the lab knows none. */
export type OwnerOf = (phys: number) => string | null;

/** At most this many pages are looked up. The rest count as nobody's. */
const MAX_OWNED = 1 << 20;

/**
 * Compares what a device reaches. A changed target is `corrupt` if the page there has an owner other than that of the
 * former page; a new target, if it has any owner. Without `ownerOf`, nothing is corrupt.
 */
export function compareTables(before: DeviceTables, after: DeviceTables, ownerOf?: OwnerOf): TableComparison {
  const found = noDifferences(before.complete && after.complete);
  const owners = new Owners(ownerOf);
  const state = { before: before.state, after: after.state };
  for (const piece of pieces(before.mappings, after.mappings)) {
    if (piece.before === null && piece.after !== null)
      owners.each(piece, (part, owner) =>
        addDifference(found, { ...part, kind: 'new', owner, corrupt: owner !== null }),
      );
    else if (piece.after === null) addDifference(found, { ...piece, kind: 'lost', owner: null, corrupt: false });
    else if (piece.before !== null && piece.before.phys !== piece.after.phys) {
      owners.each(piece, (part, owner, former) =>
        addDifference(found, { ...part, kind: 'changed', owner, corrupt: owner !== null && owner !== former }),
      );
    } else if (piece.before !== null && piece.before.rights !== piece.after.rights)
      addDifference(found, { ...piece, kind: 'rights', owner: null, corrupt: false });
    else found.same += piece.length / PAGE;
  }
  return { ...found, state };
}

/** A range of IOVA space in which either side is one run or nothing. */
export interface Piece {
  iova: bigint;
  length: number;
  before: Side | null;
  after: Side | null;
}

/** Cuts both lists at each other's boundaries, ascending. */
function* pieces(before: readonly MappingRun[], after: readonly MappingRun[]): Generator<Piece> {
  let i = 0;
  let j = 0;
  let at = 0n;
  for (;;) {
    const a = before[i];
    const b = after[j];
    if (a === undefined && b === undefined) return;
    // The common case, and the only one that must be fast: hundreds of thousands of identical ranges.
    if (a !== undefined && b !== undefined && a.iova === b.iova && a.length === b.length && at <= a.iova) {
      yield {
        iova: a.iova,
        length: a.length,
        before: { phys: a.phys, rights: a.rights },
        after: { phys: b.phys, rights: b.rights },
      };
      i++;
      j++;
      continue;
    }
    if (a !== undefined && at >= a.iova + BigInt(a.length)) {
      i++;
      continue;
    }
    if (b !== undefined && at >= b.iova + BigInt(b.length)) {
      j++;
      continue;
    }
    const inA = a !== undefined && at >= a.iova;
    const inB = b !== undefined && at >= b.iova;
    const next = smallest(
      [a, b].map((run) => (run === undefined ? null : at < run.iova ? run.iova : run.iova + BigInt(run.length))),
    );
    if (inA || inB)
      yield {
        iova: at,
        length: Number(next - at),
        before: inA ? sideAt(a, at) : null,
        after: inB ? sideAt(b, at) : null,
      };
    at = next;
  }
}

function smallest(values: readonly (bigint | null)[]): bigint {
  return (
    values.reduce<bigint | null>(
      (least, value) => (value !== null && (least === null || value < least) ? value : least),
      null,
    ) ?? 0n
  );
}

function sideAt(run: MappingRun, iova: bigint): Side {
  return { phys: run.phys + Number(iova - run.iova), rights: run.rights };
}

/** Cuts a piece wherever the owner behind it changes. */
class Owners {
  private asked = 0;

  constructor(private readonly ownerOf: OwnerOf | undefined) {}

  each(piece: Piece, on: (part: Piece, owner: string | null, former: string | null) => void): void {
    const { before, after } = piece;
    if (after === null) return;
    let start = 0;
    let owner = this.ask(after.phys);
    let former = before === null ? null : this.ask(before.phys);
    for (let at = PAGE; at < piece.length && this.ownerOf !== undefined; at += PAGE) {
      if (this.asked >= MAX_OWNED) break;
      const nextOwner = this.ask(after.phys + at);
      const nextFormer = before === null ? null : this.ask(before.phys + at);
      if (nextOwner === owner && nextFormer === former) continue;
      on(part(piece, start, at), owner, former);
      [start, owner, former] = [at, nextOwner, nextFormer];
    }
    on(part(piece, start, piece.length), owner, former);
  }

  private ask(phys: number): string | null {
    if (this.ownerOf === undefined || this.asked >= MAX_OWNED) return null;
    this.asked++;
    return this.ownerOf(phys);
  }
}

function part(piece: Piece, start: number, end: number): Piece {
  const move = (side: Side | null): Side | null => (side === null ? null : { ...side, phys: side.phys + start });
  return {
    iova: piece.iova + BigInt(start),
    length: end - start,
    before: move(piece.before),
    after: move(piece.after),
  };
}

export type { Difference, TableComparison };
