// SPDX-License-Identifier: Apache-2.0
// Judges a point: good, bad, or skip. Bad means exactly the failure of the bad end, and good exactly the outcome of the
// good end. Any other failure says nothing about the change that is searched for.
import { z } from 'zod';
import type { Scenario } from '../../model/scenario/scenario.js';
import { ScenarioError } from '../../scenario/index.js';
import { isDiskFull, LabError, messageOf } from '../../util/errors.js';
import { confidenceOf, expectedRate, rateSchema, runsToBeSure } from '../rerun/confidence.js';
import { type Failure, failureSchema, failureText, sameFailure } from '../rerun/failure.js';
import { measureRate } from '../rerun/rate.js';
import type { Execute, Seen } from '../rerun/execute.js';
import type { Tried } from './search.js';

/** What is known after both ends have run. */
export const endsSchema = z.object({ bad: failureSchema, good: failureSchema, rate: rateSchema });
export type Ends = z.infer<typeof endsSchema>;

export interface JudgeOptions {
  execute: Execute;
  /** The scenario with the kernels of a point; builds kernels that are missing. */
  prepare: (index: number, signal: AbortSignal) => Promise<Scenario>;
  /** The failure to search for; null takes that of the bad end. */
  wanted: Failure | null;
  /** Runs of each end. */
  times: number;
  confidence: number;
  jobs: number;
  signal: AbortSignal;
}

const MAX_RUNS = 20;
/** Runs in which the lab failed give no answer. They are retried this many times. */
const INFRA_RETRIES = 2;

export class Judge {
  constructor(private readonly options: JudgeOptions) {}

  /** How many runs without the failure make a point good, and how sure that is. */
  static sureness({ rate }: Ends, confidence: number): { runs: number; confidence: number; rate: number } {
    const expected = expectedRate(rate);
    const runs = runsToBeSure(expected, confidence, MAX_RUNS);
    return { runs, confidence: confidenceOf(expected, runs), rate: expected };
  }

  /** Judges both ends, of which nothing is known yet. Throws a LabError if one of them cannot run. */
  async ends(last: number): Promise<{ ends: Ends; good: Tried; bad: Tried }> {
    const at = async (index: number): Promise<{ seen: Seen[]; ms: number }> => {
      const began = performance.now();
      const scenario = await this.options.prepare(index, this.options.signal);
      return { seen: await this.runs(scenario, this.options.times), ms: performance.now() - began };
    };
    const bad = await at(last);
    const good = await at(0);
    const failing = (seen: readonly Seen[]) =>
      seen.find((each) => (this.options.wanted === null ? !each.asExpected : sameFailure(each, this.options.wanted)));
    const failure = failing(bad.seen) ?? failing(good.seen) ?? (bad.seen[0] as Seen);
    const wanted = this.options.wanted ?? failure;
    const hitsIn = (seen: readonly Seen[]) => seen.filter((each) => sameFailure(each, wanted)).length;
    const [goodHits, badHits] = [hitsIn(good.seen), hitsIn(bad.seen)];
    const tried = (index: number, hits: number, { seen, ms }: { seen: Seen[]; ms: number }): Tried => ({
      index,
      verdict: hits > 0 ? 'bad' : 'good',
      runs: seen.length,
      ms,
      why: [...new Set(seen.map(failureText))].join('; '),
    });
    // If both ends end as expected, neither is bad.
    const fails = this.options.wanted !== null || !failure.asExpected;
    return {
      ends: {
        bad: { outcome: wanted.outcome, title: wanted.title },
        good: good.seen[0] as Seen,
        rate: { seen: badHits, runs: bad.seen.length },
      },
      good: tried(0, fails ? goodHits : 0, good),
      bad: tried(last, fails ? badHits : 0, bad),
    };
  }

  /** A kernel that does not build, or fails in another way, is a `skip`, not an error. */
  async at(index: number, ends: Ends): Promise<Tried> {
    const began = performance.now();
    const done = (verdict: Tried['verdict'], why: string, runs: number): Tried => ({
      index,
      verdict,
      why,
      runs,
      ms: performance.now() - began,
    });
    let scenario: Scenario;
    try {
      scenario = await this.options.prepare(index, this.options.signal);
    } catch (error) {
      return done('skip', this.unfit(error), 0);
    }
    try {
      const seen = await this.runs(scenario, Judge.sureness(ends, this.options.confidence).runs);
      const bad = seen.find((each) => sameFailure(each, ends.bad));
      if (bad !== undefined) return done('bad', failureText(bad), seen.length);
      const other = seen.find((each) => !sameFailure(each, ends.good));
      return other === undefined
        ? done('good', failureText(ends.good), seen.length)
        : done('skip', `something else: ${failureText(other)}`, seen.length);
    } catch (error) {
      return done('skip', this.unfit(error), 0);
    }
  }

  /** Runs that give an answer: those in which the lab itself failed are retried. */
  private async runs(scenario: Scenario, times: number): Promise<Seen[]> {
    const { execute, jobs, signal } = this.options;
    const seen: Seen[] = [];
    let last: Seen | null = null;
    for (let round = 0; round <= INFRA_RETRIES && seen.length < times; round++) {
      const { all } = await measureRate(scenario, null, { execute, times: times - seen.length, jobs, signal });
      last = all.find(({ outcome }) => outcome === 'infra') ?? last;
      seen.push(...all.filter(({ outcome }) => outcome !== 'infra'));
    }
    if (seen.length < times) throw new LabError(`the lab failed: ${last?.title ?? ''}`);
    return seen;
  }

  private unfit(error: unknown): string {
    this.options.signal.throwIfAborted();
    if (!(error instanceof LabError || error instanceof ScenarioError) || isDiskFull(error) || isDiskFull(error.cause))
      throw error;
    return (messageOf(error).split('\n')[0] ?? '').slice(0, 300);
  }
}
