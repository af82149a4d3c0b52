// SPDX-License-Identifier: Apache-2.0
// Candidates tried for one failure, several machines at once. No candidate is run twice.
import type { Scenario } from '../../model/scenario/scenario.js';
import { ScenarioError } from '../../scenario/index.js';
import { LabError, isDiskFull } from '../../util/errors.js';
import { type Failure, failureText, sameFailure } from './failure.js';

/** What one run came to. */
export interface Seen extends Failure {
  /** Files and sessions that did not come back whole. */
  suspects: string[];
  /** The run was as its scenario expects. */
  asExpected: boolean;
}

/**
 * Runs a scenario once. Throws ScenarioError or LabError where it cannot be run, and the signal's reason where that is
 * aborted.
 */
export type Execute = (scenario: Scenario, signal: AbortSignal) => Promise<Seen>;

export interface Verdict {
  /** The same failure was seen. */
  holds: boolean;
  /** What was seen in its place, the last where there were several runs; why nothing was run, or why nobody knows. */
  instead: string;
}

export interface TrialsOptions {
  wanted: Failure;
  execute: Execute;
  /** A candidate's text as a scenario. Throws ScenarioError. */
  parse: (text: string) => Scenario;
  /** Runs without the failure after which it is held to be gone. */
  runs: number;
  /** Machines at once. */
  jobs: number;
  signal: AbortSignal;
  /** No more trials are begun from then on, in milliseconds since the epoch. */
  until: number;
  onTrial: (said: { text: string; verdict: Verdict }) => void;
}

/** The time for trials is over; what holds so far stays. */
export class TimeIsUp extends Error {}

/** A run in which the lab failed is no answer: it is done again this many times. */
const INFRA_AGAIN = 2;

export class Trials {
  /** Machines that were started, and candidates that no machine was needed for. */
  started = 0;
  refused = 0;
  private readonly known = new Map<string, Verdict>();
  /** In each run of these the lab itself failed: they are tried again when somebody asks again. */
  private readonly unknown = new Map<string, Verdict>();

  constructor(private readonly options: TrialsOptions) {}

  /** What is known of a candidate, or that nobody knows; null where it was not tried. */
  verdictOf(text: string): Verdict | null {
    return this.known.get(text) ?? this.unknown.get(text) ?? null;
  }

  /**
   * The index of a candidate that fails in the same way; those before others are begun first, and the first that does
   * it ends the rest.
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
        const verdict = await this.verdict(texts[index] as string, either);
        if (!verdict.holds || found !== null) continue;
        found = index;
        stop.abort(new LabError('another candidate does it'));
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
    // The first to fail is the cause of the others' end.
    if (failed !== undefined && found === null) throw stop.signal.reason as Error;
    return found;
  }

  private async verdict(text: string, signal: AbortSignal): Promise<Verdict> {
    const before = this.known.get(text);
    if (before !== undefined) return before;
    const { known, ...verdict } = await this.tried(text, signal);
    (known ? this.known : this.unknown).set(text, verdict);
    this.options.onTrial({ text, verdict });
    return verdict;
  }

  private async tried(text: string, signal: AbortSignal): Promise<Verdict & { known: boolean }> {
    const { wanted, parse, runs } = this.options;
    let instead = '';
    try {
      const scenario = parse(text);
      for (let run = 0; run < runs; run++) {
        const seen = await this.answer(scenario, signal);
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
        instead: `no scenario that can be run: ${(error.message.split('\n')[0] ?? '').replace(/^\S+:\d+:\d+: /, '')}`,
        known: true,
      };
    }
  }

  /** One run that says something, if the lab does not fail each time. */
  private async answer(scenario: Scenario, signal: AbortSignal): Promise<Seen> {
    const { wanted, execute, until } = this.options;
    for (let again = INFRA_AGAIN; ; again--) {
      if (Date.now() > until) throw new TimeIsUp();
      this.started++;
      const seen = await execute(scenario, signal);
      if (seen.outcome !== 'infra' || sameFailure(seen, wanted) || again === 0) return seen;
    }
  }
}
