// SPDX-License-Identifier: Apache-2.0
// What changed from one night to the next, square by square. Pure.
import type { Square } from '../../model/result/matrix.js';
import type { Night } from '../../store/matrix/night.js';
import { squareKey } from '../../store/matrix/squares.js';
import { failed, hasVerdict, titleOf } from './square.js';

/**
 * `new`: failed, and had not. `fixed`: as expected, and had failed. `flaky`: its repeats disagree, and had not.
 * `changed`: another outcome, ending or cause. `unknown`: has no verdict any more. `added` and `gone`: only one of the
 * two nights has it.
 */
export const CHANGES = ['new', 'flaky', 'changed', 'fixed', 'unknown', 'added', 'gone'] as const;
export type ChangeKind = (typeof CHANGES)[number];

export interface SquareChange {
  kind: ChangeKind;
  before: Square | null;
  after: Square | null;
}

export interface NightDiff {
  changes: SquareChange[];
  /** Squares that are as they were. */
  same: number;
}

export function diffNights(before: Pick<Night, 'squares'>, after: Pick<Night, 'squares'>): NightDiff {
  const old = new Map(before.squares.map((square) => [squareKey(square), square]));
  const changes: SquareChange[] = [];
  let same = 0;
  for (const square of after.squares) {
    const was = old.get(squareKey(square)) ?? null;
    old.delete(squareKey(square));
    const kind = was === null ? 'added' : changeOf(was, square);
    if (kind === null) same++;
    else changes.push({ kind, before: was, after: square });
  }
  for (const square of old.values()) changes.push({ kind: 'gone', before: square, after: null });
  return { changes: changes.sort((a, b) => CHANGES.indexOf(a.kind) - CHANGES.indexOf(b.kind)), same };
}

/** Null where nothing changed. */
export function changeOf(before: Square, after: Square): ChangeKind | null {
  if (!hasVerdict(after)) return hasVerdict(before) ? 'unknown' : null;
  if (after.state === 'flaky' && before.state !== 'flaky') return 'flaky';
  if (failed(after) && !failed(before)) return 'new';
  if (failed(before) && !failed(after)) return 'fixed';
  if (!hasVerdict(before)) return null;
  return before.state !== after.state || before.endsIn !== after.endsIn || titleOf(before) !== titleOf(after)
    ? 'changed'
    : null;
}
