// SPDX-License-Identifier: Apache-2.0
// Tries candidate scenarios for one failure, on several machines at once. A candidate with a known answer does not run
// again.
import type { Scenario } from '../../model/scenario/scenario.js';
import type { SnapshotUse } from '../../perform/start.js';
import { ScenarioError } from '../../scenario/index.js';
import { LabError, isDiskFull } from '../../util/errors.js';
import { type Failure, failureText, sameFailure } from './failure.js';

/** How one run ended. */
export interface Seen extends Failure {
  /** Files and sessions that did not come back intact. */
  suspects: string[];
  /** The run ended as its scenario expects. */
  asExpected: boolean;
}

/**
 * Runs a scenario once. Throws a ScenarioError or LabError if it cannot run, and the signal's reason after an abort.
 */
export type Execute = (scenario: Scenario, signal: AbortSignal, snapshots: SnapshotUse) => Promise<Seen>;

export interface TrialAnswer {
  /** The same failure occurred. */
  holds: boolean;
  /** If not: what the last run ended in instead, why nothing ran, or why the answer is not known. */
  instead: string;
}

export interface TrialsOptions {
  wanted: Failure;
  execute: Execute;
  /** Throws a ScenarioError for a candidate that is not a valid scenario. */
  parse: (text: string) => Scenario;
  /** After this many runs without the failure, it counts as gone. */
  runs: number;
  /** Machines at once. */
  jobs: number;
  signal: AbortSignal;
  /** No trial starts after this time, in milliseconds since 1970. */
  until: number;
  onTrial: (trial: { text: string; answer: TrialAnswer }) => void;
}

/** The time limit for trials is over; the answers so far stay. */
export class TimeIsUp extends Error {}

/** A run in which the lab failed gives no answer. It is retried this many times. */
const INFRA_RETRIES = 2;
/** Each candidate has other steps in its first kernel, so all they have in common is the boot. */
const CANDIDATE: SnapshotUse = 'booted';

export class Trials {
  /** Machines that were started. */
  started = 0;
  /** Candidates that could not run. */
  refused = 0;
  private readonly known = new Map<string, TrialAnswer>();
  /** In each run of these candidates the lab itself failed. The next request tries them again. */
  private readonly unknown = new Map<string, TrialAnswer>();

  constructor(private readonly options: TrialsOptions) {}

  /** The answer for a candidate, which may be that nobody knows; null if it was not tried. */
  answerOf(text: string): TrialAnswer | null {
    return this.known.get(text) ?? this.unknown.get(text) ?? null;
  }

  /**
   * The index of a candidate that fails in the same way, or null. Earlier candidates start first, and the first to fail
   * stops the others.
   */
  async first(texts: readonly string[]): Promise<number | null> {
    const { jobs, signal } = this.options;
    const known = texts.findIndex((text) => this.known.get(text)?.holds);
    if (known >= 0) return known;
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    let next = 0;
    let found: number | null = null;
    const work = async () => {
      while (found === null && next < texts.length) {
        const index = next++;
        const answer = await this.answer(texts[index] as string, either);
        if (!answer.holds || found !== null) continue;
        found = index;
        stop.abort(new LabError('another candidate fails in the same way'));
      }
    };
    const workers = Array.from({ length: Math.min(jobs, texts.length) }, () =>
      work().catch((error: unknown) => {
        if (found !== null && !signal.aborted) return;
        stop.abort(error);
        throw error;
      }),
    );
    const ends = await Promise.allSettled(workers);
    signal.throwIfAborted();
    const failed = ends.find((end) => end.status === 'rejected');
    // The first error made the others end; theirs say nothing.
    if (failed !== undefined && found === null) throw stop.signal.reason as Error;
    return found;
  }

  private async answer(text: string, signal: AbortSignal): Promise<TrialAnswer> {
    const before = this.known.get(text);
    if (before !== undefined) return before;
    const { known, ...answer } = await this.tryCandidate(text, signal);
    (known ? this.known : this.unknown).set(text, answer);
    this.options.onTrial({ text, answer });
    return answer;
  }

  private async tryCandidate(text: string, signal: AbortSignal): Promise<TrialAnswer & { known: boolean }> {
    const { wanted, parse, runs } = this.options;
    let instead = '';
    try {
      const scenario = parse(text);
      for (let run = 0; run < runs; run++) {
        const seen = await this.runOnce(scenario, signal);
        if (sameFailure(seen, wanted)) return { holds: true, instead: '', known: true };
        if (seen.outcome === 'infra') return { holds: false, instead: `not known: ${failureText(seen)}`, known: false };
        instead = failureText(seen);
      }
      return { holds: false, instead, known: true };
    } catch (error) {
      signal.throwIfAborted();
      if (
        !(error instanceof LabError || error instanceof ScenarioError) ||
        isDiskFull(error) ||
        isDiskFull(error.cause)
      )
        throw error;
      this.refused++;
      return {
        holds: false,
        instead: `not a scenario that can run: ${(error.message.split('\n')[0] ?? '').replace(/^\S+:\d+:\d+: /, '')}`,
        known: true,
      };
    }
  }

  /** One run. If the lab itself fails, it is retried a few times. */
  private async runOnce(scenario: Scenario, signal: AbortSignal): Promise<Seen> {
    const { wanted, execute, until } = this.options;
    for (let retries = INFRA_RETRIES; ; retries--) {
      if (Date.now() > until) throw new TimeIsUp();
      this.started++;
      const seen = await execute(scenario, signal, CANDIDATE);
      if (seen.outcome !== 'infra' || sameFailure(seen, wanted) || retries === 0) return seen;
    }
  }
}
