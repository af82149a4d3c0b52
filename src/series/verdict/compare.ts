// SPDX-License-Identifier: Apache-2.0
// Compares what the kernels with the series end in with what the base ends in on its own.
import type { PairResult } from '../../model/result/matrix.js';
import { type EndsIn, ENDS_IN, type Outcome, OUTCOMES } from '../../model/result/outcome.js';
import type { TryPair, TryRow } from '../../model/series/try.js';

/** Several rows that end alike on one pair. */
export interface Difference {
  pair: TryPair;
  rows: TryRow[];
  outcome: Outcome;
  endsIn: EndsIn;
  instead: Outcome;
  isWorse: boolean;
  title: string | null;
}

const CONTROL: TryPair = 'base -> base';

export function rowOf(
  pairResult: Pick<PairResult, 'state' | 'endsIn' | 'attempts'>,
  scenario: string,
  pair: TryPair,
): TryRow {
  const last = pairResult.attempts.at(-1);
  return {
    scenario,
    pair,
    state: pairResult.state,
    endsIn: pairResult.endsIn,
    title: last?.title ?? null,
    run: last?.run ?? null,
  };
}

/** Null for a row that says nothing about a kernel. */
export function verdictOf({ state }: Pick<TryRow, 'state'>): Outcome | null {
  return state === 'pending' || state === 'flaky' || state === 'infra' ? null : state;
}

/** Rows whose outcome differs from that of the same scenario with the base alone. The worst come first. */
export function differences(rows: readonly TryRow[]): Difference[] {
  const control = new Map(rows.filter(({ pair }) => pair === CONTROL).map((row) => [row.scenario, row]));
  const found = new Map<string, Difference>();
  for (const row of rows) {
    const outcome = verdictOf(row);
    const base = control.get(row.scenario);
    const instead = base === undefined ? null : verdictOf(base);
    if (row.pair === CONTROL || outcome === null || instead === null || base === undefined) continue;
    const endsIn = row.endsIn ?? ENDS_IN[outcome];
    if (outcome === instead && endsIn === (base.endsIn ?? ENDS_IN[instead])) continue;
    const key = JSON.stringify([row.pair, outcome, endsIn, instead, row.title]);
    const known = found.get(key);
    if (known === undefined)
      found.set(key, {
        pair: row.pair,
        rows: [row],
        outcome,
        endsIn,
        instead,
        isWorse: rank(outcome) <= rank(instead),
        title: row.title,
      });
    else known.rows.push(row);
  }
  return [...found.values()].sort((a, b) => rank(a.outcome) - rank(b.outcome));
}

/** Is this row worse than the base alone in the same scenario? Null if one of the two says nothing. */
export function isWorse(row: TryRow, control: TryRow): boolean | null {
  const [outcome, instead] = [verdictOf(row), verdictOf(control)];
  if (outcome === null || instead === null) return null;
  return differences([{ ...control, pair: CONTROL }, row]).some((difference) => difference.isWorse);
}

/** The worst is 0. */
const rank = (outcome: Outcome): number => OUTCOMES.indexOf(outcome);
