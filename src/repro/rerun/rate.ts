// SPDX-License-Identifier: Apache-2.0
// Does a scenario fail, how, and how often: some runs of one scenario, several at once.
import type { Scenario } from '../../model/scenario/scenario.js';
import type { Rate } from './confidence.js';
import { type Failure, sameFailure } from './failure.js';
import type { Execute, Seen } from './trials.js';

export interface Measured extends Rate {
  /** Of the failure that was wanted, or of the first one where none was. */
  failure: Failure;
  all: Seen[];
}

/** @param wanted the failure to look for; null takes that of the first run which is no `infra` */
export async function measureRate(
  scenario: Scenario,
  wanted: Failure | null,
  how: { execute: Execute; times: number; jobs: number; signal: AbortSignal },
): Promise<Measured> {
  const stop = new AbortController();
  const signal = AbortSignal.any([how.signal, stop.signal]);
  const all: Seen[] = [];
  let begun = 0;
  const work = async () => {
    while (begun < how.times) {
      begun++;
      all.push(await how.execute(scenario, signal));
    }
  };
  // The first to fail ends the others; all have ended before anyone hears of it.
  const ends = await Promise.allSettled(
    Array.from({ length: Math.min(how.jobs, how.times) }, () =>
      work().catch((error: unknown) => {
        stop.abort(error);
        throw error;
      }),
    ),
  );
  how.signal.throwIfAborted();
  if (ends.some(({ status }) => status === 'rejected')) throw stop.signal.reason as Error;
  const failure = wanted ?? all.find(({ outcome }) => outcome !== 'infra') ?? (all[0] as Seen);
  return {
    failure: { outcome: failure.outcome, title: failure.title },
    seen: all.filter((seen) => sameFailure(seen, failure)).length,
    runs: all.length,
    all,
  };
}
