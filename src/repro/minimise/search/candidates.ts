// SPDX-License-Identifier: Apache-2.0
// Tries candidates for a smaller scenario, several at once. The first in order that fails in the same way wins, however
// long each takes. So the same answers always lead to the same search, and kept answers are enough to continue one.
import { createHash } from 'node:crypto';
import type { Scenario } from '../../../model/scenario/scenario.js';
import { ScenarioError } from '../../../scenario/index.js';
import { LabError, isDiskFull } from '../../../util/errors.js';

export interface Candidate {
  text: string;
  scenario: Scenario;
}

export interface Answer {
  /** The same failure occurred. */
  holds: boolean;
  /** If not: what the last run ended in instead, why nothing ran, or why the answer is not known. */
  instead: string;
  /** False if nobody knows, because the lab itself failed. Only a search that continues this one tries it again. */
  known: boolean;
}

/**
 * Whether a candidate fails in the same way. Throws a ScenarioError or LabError if it cannot run, and the signal's
 * reason after an abort.
 */
export type Reproduces = (candidate: Candidate, signal: AbortSignal) => Promise<Answer>;

/** Known answers, by the digest of the candidate. A Map is one. */
export interface Answers {
  get(digest: string): Answer | undefined;
  set(digest: string, answer: Answer): void;
}

export interface CandidatesOptions {
  reproduces: Reproduces;
  /** Throws a ScenarioError for a candidate that is not a valid scenario. */
  parse: (text: string) => Scenario;
  answers: Answers;
  /** Candidates at once. */
  jobs: number;
  signal: AbortSignal;
  /** No candidate starts after this time, in milliseconds since 1970. */
  deadline: number;
  /** Called before a candidate is tried, and after it has an answer. */
  onTrial: () => void;
}

/** The time limit is over; the answers so far stay. */
export class TimeIsUp extends Error {}

export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

export class Candidates {
  /** Candidates that were tried. */
  tried = 0;
  /** Candidates that could not run. */
  refused = 0;
  /** Answers that are not kept: they cost no run, or nobody knows them. */
  private readonly others = new Map<string, Answer>();

  constructor(private readonly options: CandidatesOptions) {}

  /** This scenario fails without a trial. */
  take(text: string): void {
    this.others.set(digestOf(text), { holds: true, instead: '', known: true });
  }

  /** The answer for a candidate, which may be that nobody knows; null if it was not tried. */
  answerOf(text: string): Answer | null {
    const digest = digestOf(text);
    return this.options.answers.get(digest) ?? this.others.get(digest) ?? null;
  }

  /** The index of the first candidate that fails in the same way, or null. */
  async first(texts: readonly string[]): Promise<number | null> {
    const { jobs, signal } = this.options;
    const running = new Map<number, AbortController>();
    const errors: { index: number; error: unknown }[] = [];
    let found = texts.length;
    let next = 0;
    const endFrom = (index: number, why: unknown) => {
      for (const [each, controller] of running) if (each > index) controller.abort(why);
    };
    const tryOne = async (index: number): Promise<void> => {
      const controller = new AbortController();
      running.set(index, controller);
      try {
        const { holds } = await this.answer(texts[index] as string, AbortSignal.any([signal, controller.signal]));
        if (!holds || index >= found) return;
        found = index;
        endFrom(index, new LabError('an earlier candidate fails in the same way'));
      } catch (error) {
        if (index >= found) return;
        errors.push({ index, error });
        next = texts.length;
        if (!(error instanceof TimeIsUp)) endFrom(-1, error);
      } finally {
        running.delete(index);
      }
    };
    const work = async () => {
      while (next < found) await tryOne(next++);
    };
    await Promise.all(Array.from({ length: Math.max(1, Math.min(jobs, texts.length)) }, work));
    signal.throwIfAborted();
    // The first error made the others end; theirs say nothing.
    const first = errors.find(({ index, error }) => index < found || !(error instanceof TimeIsUp));
    if (first !== undefined && !(first.error instanceof TimeIsUp && found < texts.length)) throw first.error;
    return found < texts.length ? found : null;
  }

  private async answer(text: string, signal: AbortSignal): Promise<Answer> {
    const digest = digestOf(text);
    const before = this.answerOf(text);
    if (before !== null) return before;
    const { answer, ran } = await this.tryCandidate(text, signal);
    if (ran && answer.known) this.options.answers.set(digest, answer);
    else this.others.set(digest, answer);
    this.options.onTrial();
    return answer;
  }

  private async tryCandidate(text: string, signal: AbortSignal): Promise<{ answer: Answer; ran: boolean }> {
    const { parse, reproduces, deadline, onTrial } = this.options;
    try {
      const scenario = parse(text);
      if (Date.now() > deadline) throw new TimeIsUp();
      this.tried++;
      onTrial();
      return { answer: await reproduces({ text, scenario }, signal), ran: true };
    } catch (error) {
      signal.throwIfAborted();
      if (!isUnusable(error)) throw error;
      this.refused++;
      const why = (error.message.split('\n')[0] ?? '').replace(/^\S+:\d+:\d+: /, '');
      return { answer: { holds: false, instead: `not a scenario that can run: ${why}`, known: true }, ran: false };
    }
  }
}

/** The candidate is at fault, not the host. */
function isUnusable(error: unknown): error is LabError | ScenarioError {
  if (!(error instanceof LabError || error instanceof ScenarioError)) return false;
  return !isDiskFull(error) && !isDiskFull(error.cause);
}
