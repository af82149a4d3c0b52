// SPDX-License-Identifier: Apache-2.0
// Candidates tried for one failure, several machines at once. No candidate is run twice.
import type { Scenario } from '../model/scenario.js';
import { ScenarioError } from '../scenario/index.js';
import { LabError, isDiskFull } from '../util/errors.js';
import { type Failure, failureText, sameFailure } from './failure.js';

/** What one run came to. */
export interface Seen extends Failure {
  /** Files and sessions that did not come back whole. */
  suspects: string[];
  /** The run was as its scenario expects. */
  asExpected: boolean;
}

/** Runs a scenario once. Throws ScenarioError or LabError where it cannot be run, and the signal's reason where that is aborted. */
export type Execute = (scenario: Scenario, signal: AbortSignal) => Promise<Seen>;

export interface Verdict {
  /** The same failure was seen. */
  holds: boolean;
  /** What was seen in its place, the last where there were several runs; why nothing was run. */
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

export class Trials {
  /** Machines that were started, and candidates that no machine was needed for. */
  started = 0;
  refused = 0;
  private readonly known = new Map<string, Verdict>();

  constructor(private readonly options: TrialsOptions) {}

  /** What is known of a candidate; null where it was not tried. */
  verdictOf(text: string): Verdict | null {
    return this.known.get(text) ?? null;
  }

  /** The index of a candidate that fails in the same way; those before others are begun first, and the first that does it ends the rest. */
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
    const workers = Array.from({ length: Math.min(jobs, texts.length) }, () => work().catch((error: unknown) => {
      if (found !== null && !signal.aborted) return;
      stop.abort(error);
      throw error;
    }));
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
    const verdict = await this.tried(text, signal);
    this.known.set(text, verdict);
    this.options.onTrial({ text, verdict });
    return verdict;
  }

  private async tried(text: string, signal: AbortSignal): Promise<Verdict> {
    const { wanted, execute, parse, runs, until } = this.options;
    let instead = '';
    try {
      const scenario = parse(text);
      for (let run = 0; run < runs; run++) {
        if (Date.now() > until) throw new TimeIsUp();
        this.started++;
        const seen = await execute(scenario, signal);
        if (sameFailure(seen, wanted)) return { holds: true, instead: '' };
        instead = failureText(seen);
      }
      return { holds: false, instead };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof LabError || error instanceof ScenarioError) || isDiskFull(error) || isDiskFull(error.cause)) throw error;
      this.refused++;
      return { holds: false, instead: `no scenario that can be run: ${(error.message.split('\n')[0] ?? '').replace(/^\S+:\d+:\d+: /, '')}` };
    }
  }
}
