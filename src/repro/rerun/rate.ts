// SPDX-License-Identifier: Apache-2.0
// Runs one scenario several times: does it fail, how, and how often?
import { z } from 'zod';
import type { Scenario } from '../../model/scenario/scenario.js';
import type { SnapshotUse } from '../../perform/start.js';
import { rateSchema } from './confidence.js';
import { type Failure, failureSchema, sameFailure } from './failure.js';
import { type Execute, type Seen, seenSchema } from './execute.js';

export const measuredSchema = rateSchema.extend({
  /** The failure that was counted. */
  failure: failureSchema,
  all: z.array(seenSchema),
});
export type Measured = z.infer<typeof measuredSchema>;

/** @param wanted the failure to count; null counts that of the first run that did not end in `infra` */
export async function measureRate(
  scenario: Scenario,
  wanted: Failure | null,
  options: { execute: Execute; times: number; jobs: number; signal: AbortSignal; snapshots?: SnapshotUse },
): Promise<Measured> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  // One run alone would only fill the cache.
  const snapshots = options.snapshots ?? (options.times > 1 ? 'use' : 'find');
  const all: Seen[] = [];
  let started = 0;
  const work = async () => {
    while (started < options.times) {
      started++;
      all.push(await options.execute(scenario, signal, snapshots));
    }
  };
  // The first error stops the other runs, and all of them end before this function throws.
  const ends = await Promise.allSettled(
    Array.from({ length: Math.min(options.jobs, options.times) }, () =>
      work().catch((error: unknown) => {
        stop.abort(error);
        throw error;
      }),
    ),
  );
  options.signal.throwIfAborted();
  if (ends.some(({ status }) => status === 'rejected')) throw stop.signal.reason as Error;
  const failure = wanted ?? all.find(({ outcome }) => outcome !== 'infra') ?? (all[0] as Seen);
  return {
    failure: { outcome: failure.outcome, title: failure.title },
    seen: all.filter((seen) => sameFailure(seen, failure)).length,
    runs: all.length,
    all,
  };
}
