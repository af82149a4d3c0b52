// SPDX-License-Identifier: Apache-2.0
// The result of each scenario on each pair or chain of kernels, over all its repeats.
import type { Attempt, Cell, Matrix, PairResult } from '../../model/result/matrix.js';
import { groupBy } from '../../util/process/group.js';

/** The same for all repeats of a scenario on the same kernels, in any matrix. */
export function pairKey({ scenario, kernels }: Pick<Cell, 'scenario' | 'kernels'>): string {
  return JSON.stringify([scenario, ...kernels]);
}

/** Formats a pair or chain of kernels. */
export function chainText(kernels: readonly string[]): string {
  return kernels.join(' -> ');
}

/** Returns the last attempt at each cell, by the cell's id. Attempts may come in any order. */
export function lastAttempts(attempts: readonly Attempt[]): Map<string, Attempt> {
  const last = new Map<string, Attempt>();
  for (const each of attempts) if ((last.get(each.cell)?.attempt ?? 0) < each.attempt) last.set(each.cell, each);
  return last;
}

/** The second verdicts of cells that also ran cold, as a sample of those does that ran from a snapshot. */
export function coldRepeats(attempts: readonly Attempt[]): Attempt[] {
  const verdicts = attempts.filter(({ outcome }) => outcome !== 'infra');
  const warm = new Set(verdicts.filter(({ rung }) => rung !== null).map(({ cell }) => cell));
  return verdicts.filter(({ cell, rung }) => rung === null && warm.has(cell));
}

/** The results, in the order of the matrix. */
export function pairResultsOf(matrix: Pick<Matrix, 'cells'>, attempts: readonly Attempt[]): PairResult[] {
  const last = lastAttempts(attempts);
  return [...groupBy(matrix.cells, pairKey).values()].map((same) =>
    pairResultOf(
      same,
      same.flatMap(({ id }) => last.get(id) ?? []),
    ),
  );
}

function pairResultOf(cells: Cell[], attempts: Attempt[]): PairResult {
  const { scenario, tags, kernels, expected } = cells[0] as Cell;
  const rates: PairResult['rates'] = [];
  for (const { outcome, endsIn } of attempts) {
    const known = rates.find((rate) => rate.outcome === outcome && rate.endsIn === endsIn);
    if (known === undefined) rates.push({ outcome, endsIn, count: 1 });
    else known.count++;
  }
  rates.sort((a, b) => b.count - a.count);
  const whole = attempts.length === cells.length;
  // A cell that the lab could not run says nothing about the kernels: it makes a pair neither flaky nor good.
  const verdicts = rates.filter(({ outcome }) => outcome !== 'infra');
  const one = verdicts.length === 0 ? rates[0] : verdicts[0];
  const state =
    verdicts.length > 1
      ? 'flaky'
      : !whole || one === undefined
        ? 'pending'
        : rates.length > verdicts.length
          ? 'infra'
          : one.outcome;
  return {
    scenario,
    tags,
    kernels,
    expected,
    cells,
    attempts,
    state,
    rates,
    endsIn: state === 'pending' || state === 'flaky' || one === undefined ? null : one.endsIn,
    asExpected: whole && state !== 'flaky' && attempts.every(({ asExpected }) => asExpected),
  };
}
