// SPDX-License-Identifier: Apache-2.0
// A run made again, some times: is it the same failure, how often, and what else was seen.
import type { Result } from '../../model/result/result.js';
import type { Performed } from '../../perform/perform.js';
import { interval, type Rate } from './confidence.js';
import { type Failure, failureOf, sameFailure } from './failure.js';

export interface Again {
  /** What the run ended in that is made again. */
  original: Failure;
  /** Runs that were no `infra`. */
  rate: Rate & { low: number; high: number };
  runs: { id: string; folder: string; same: boolean; failure: Failure; ms: number }[];
  /** The run that tells most: the first that is not the same where none is, else the first that is. */
  telling: Result;
}

/** Throws what `once` throws. @param times at least 1 */
export async function runAgain(
  original: Result,
  times: number,
  once: (number: number) => Promise<Performed>,
): Promise<Again> {
  const wanted = failureOf(original);
  const done: Performed[] = [];
  for (let i = 0; i < times; i++) done.push(await once(i));
  const runs = done.map(({ result, folder }) => {
    const failure = failureOf(result);
    return {
      id: result.id,
      folder,
      same: sameFailure(wanted, failure),
      failure,
      ms: Math.round(result.durations['total'] ?? 0),
    };
  });
  const rate: Rate = {
    seen: runs.filter(({ same }) => same).length,
    runs: runs.filter(({ failure, same }) => same || failure.outcome !== 'infra').length,
  };
  const [low, high] = interval(rate);
  const telling = (done[runs.findIndex(({ same }) => same)] ?? (done[0] as Performed)).result;
  return { original: wanted, rate: { ...rate, low, high }, runs, telling };
}

/** 0: the same failure was seen at least once; 1: never; 3: the lab itself failed in all of them. */
export function exitOf({ rate }: Again): number {
  return rate.seen > 0 ? 0 : rate.runs > 0 ? 1 : 3;
}
