// SPDX-License-Identifier: Apache-2.0
// A night in numbers, and in one sentence.
import type { Square } from '../../model/result/matrix.js';
import { failed } from './square.js';

export interface NightCounts {
  squares: number;
  asExpected: number;
  failed: number;
  /** Of those that failed. */
  flaky: number;
  infra: number;
  pending: number;
}

export function countsOf(squares: readonly Square[]): NightCounts {
  const count = (holds: (square: Square) => boolean) => squares.filter(holds).length;
  return {
    squares: squares.length,
    asExpected: count(({ asExpected }) => asExpected),
    failed: count(failed),
    flaky: count(({ state }) => state === 'flaky'),
    infra: count(({ asExpected, state }) => !asExpected && state === 'infra'),
    pending: count(({ state }) => state === 'pending'),
  };
}

export function countsText({ squares, asExpected, failed: bad, flaky, infra, pending }: NightCounts): string {
  return [
    `${squares} ${squares === 1 ? 'square' : 'squares'}`,
    `${asExpected} as expected`,
    `${bad} failed${flaky > 0 ? ` (${flaky} flaky)` : ''}`,
    ...(infra > 0 ? [`${infra} where the lab failed`] : []),
    ...(pending > 0 ? [`${pending} not run`] : []),
  ].join(', ');
}

export function verdictOfNight({ squares, asExpected, failed: bad, infra, pending }: NightCounts): string {
  if (squares === 0) return 'Nothing was run';
  if (bad > 0) return `${bad} of ${squares} did not end as expected`;
  if (asExpected === squares) return squares === 1 ? 'As expected' : `All ${squares} ended as expected`;
  return `Nothing failed, but ${infra + pending} of ${squares} have no verdict`;
}

/**
 * As the contract of exit statuses has it: 1 an outcome was not the expected one, 3 the lab failed or has not ended.
 */
export function exitStatusOf({ failed: bad, infra, pending }: NightCounts): number {
  if (bad > 0) return 1;
  return infra + pending > 0 ? 3 : 0;
}
