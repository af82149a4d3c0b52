// SPDX-License-Identifier: Apache-2.0
// Compares two nights, pair result by pair result. Pure.
import type { PairResult } from '../../model/result/matrix.js';
import type { NightlyReport } from '../../store/matrix/nightly-report.js';
import { pairKey } from '../../store/matrix/pair-results.js';
import { failed, hasVerdict, titleOf } from './pair-result.js';

/**
 * `new`: failed, but not before. `fixed`: as expected, but failed before. `flaky`: its repeats disagree, but not
 * before. `changed`: another outcome, ending or cause. `unknown`: no longer has a verdict. `added` and `gone`: only in
 * one of the two nights.
 */
export const CHANGES = ['new', 'flaky', 'changed', 'fixed', 'unknown', 'added', 'gone'] as const;
export type ChangeKind = (typeof CHANGES)[number];

export interface PairResultChange {
  kind: ChangeKind;
  before: PairResult | null;
  after: PairResult | null;
}

export interface NightDiff {
  changes: PairResultChange[];
  /** How many pair results did not change. */
  same: number;
}

export function diffNights(
  before: Pick<NightlyReport, 'pairResults'>,
  after: Pick<NightlyReport, 'pairResults'>,
): NightDiff {
  const old = new Map(before.pairResults.map((pairResult) => [pairKey(pairResult), pairResult]));
  const changes: PairResultChange[] = [];
  let same = 0;
  for (const pairResult of after.pairResults) {
    const was = old.get(pairKey(pairResult)) ?? null;
    old.delete(pairKey(pairResult));
    const kind = was === null ? 'added' : changeOf(was, pairResult);
    if (kind === null) same++;
    else changes.push({ kind, before: was, after: pairResult });
  }
  for (const pairResult of old.values()) changes.push({ kind: 'gone', before: pairResult, after: null });
  return { changes: changes.sort((a, b) => CHANGES.indexOf(a.kind) - CHANGES.indexOf(b.kind)), same };
}

/** Null if nothing changed. */
export function changeOf(before: PairResult, after: PairResult): ChangeKind | null {
  if (!hasVerdict(after)) return hasVerdict(before) ? 'unknown' : null;
  if (after.state === 'flaky' && before.state !== 'flaky') return 'flaky';
  if (failed(after) && !failed(before)) return 'new';
  if (failed(before) && !failed(after)) return 'fixed';
  if (!hasVerdict(before)) return null;
  return before.state !== after.state || before.endsIn !== after.endsIn || titleOf(before) !== titleOf(after)
    ? 'changed'
    : null;
}
