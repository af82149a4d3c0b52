// SPDX-License-Identifier: Apache-2.0
// Repeats a run: is it the same failure, how often, and what else happened?
import type { Result } from '../../model/result/result.js';
import type { Performed } from '../../perform/perform.js';
import { interval, type Rate } from './confidence.js';
import { type Failure, failureOf, sameFailure } from './failure.js';

export interface ReproReport {
  /** The failure of the run that is repeated. */
  original: Failure;
  /** Without the runs that ended in `infra`. */
  rate: Rate & { low: number; high: number };
  runs: { id: string; folder: string; same: boolean; failure: Failure; ms: number }[];
  /** The run to compare with the original: the first with the same failure, else the first of all. */
  representative: Result;
}

/**
 * Throws what `once` throws.
 * @param times at least 1
 */
export async function rerun(
  original: Result,
  times: number,
  once: (number: number) => Promise<Performed>,
): Promise<ReproReport> {
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
  const representative = (done[runs.findIndex(({ same }) => same)] ?? (done[0] as Performed)).result;
  return { original: wanted, rate: { ...rate, low, high }, runs, representative };
}

/** 0: the same failure came at least once; 1: never; 3: the lab itself failed in every run. */
export function reproStatus({ rate }: ReproReport): number {
  return rate.seen > 0 ? 0 : rate.runs > 0 ? 1 : 3;
}
