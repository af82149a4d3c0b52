// SPDX-License-Identifier: Apache-2.0
// A night as numbers, and as one sentence.
import type { PairResult } from '../../model/result/matrix.js';
import { failed } from './pair-result.js';

export interface NightCounts {
  pairResults: number;
  asExpected: number;
  failed: number;
  /** Part of `failed`. */
  flaky: number;
  infra: number;
  pending: number;
}

export function countsOf(pairResults: readonly PairResult[]): NightCounts {
  const count = (holds: (pairResult: PairResult) => boolean) => pairResults.filter(holds).length;
  return {
    pairResults: pairResults.length,
    asExpected: count(({ asExpected }) => asExpected),
    failed: count(failed),
    flaky: count(({ state }) => state === 'flaky'),
    infra: count(({ asExpected, state }) => !asExpected && state === 'infra'),
    pending: count(({ state }) => state === 'pending'),
  };
}

export function countsText({ pairResults, asExpected, failed: bad, flaky, infra, pending }: NightCounts): string {
  return [
    `${pairResults} ${pairResults === 1 ? 'pair result' : 'pair results'}`,
    `${asExpected} as expected`,
    `${bad} failed${flaky > 0 ? ` (${flaky} flaky)` : ''}`,
    ...(infra > 0 ? [`${infra} where the lab failed`] : []),
    ...(pending > 0 ? [`${pending} not run`] : []),
  ].join(', ');
}

export function verdictOfNight({ pairResults, asExpected, failed: bad, infra, pending }: NightCounts): string {
  if (pairResults === 0) return 'Nothing ran';
  if (bad > 0) return `${bad} of ${pairResults} did not end as expected`;
  if (asExpected === pairResults) return pairResults === 1 ? 'As expected' : `All ${pairResults} ended as expected`;
  return `Nothing failed, but ${infra + pending} of ${pairResults} have no verdict`;
}

/** The exit status is a contract: 1 an outcome was not as expected, 3 the lab failed or the matrix has not ended. */
export function exitStatusOf({ failed: bad, infra, pending }: NightCounts): number {
  if (bad > 0) return 1;
  return infra + pending > 0 ? 3 : 0;
}
