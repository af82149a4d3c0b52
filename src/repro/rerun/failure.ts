// SPDX-License-Identifier: Apache-2.0
// What makes two failures the same: the outcome, and the canonical title of what decided it.
import type { Outcome } from '../../model/result/outcome.js';
import type { Result } from '../../model/result/result.js';

export interface Failure {
  outcome: Outcome;
  /** Null where nothing decided: all came back. */
  title: string | null;
}

/** An errno that was not the demanded one fails a run whose outcome is as expected; it then gives the title. */
export function failureOf({
  outcome,
  expected,
  asExpected,
  cause,
  incidents,
}: Pick<Result, 'outcome' | 'expected' | 'asExpected' | 'cause' | 'incidents'>): Failure {
  const demanded =
    outcome === expected && !asExpected ? incidents.find(({ title }) => title.endsWith(' was demanded')) : undefined;
  return { outcome, title: demanded?.title ?? cause?.title ?? null };
}

export function sameFailure(a: Failure, b: Failure): boolean {
  return a.outcome === b.outcome && a.title === b.title;
}

export function failureText({ outcome, title }: Failure): string {
  return title === null ? outcome : `${outcome}: ${title}`;
}
