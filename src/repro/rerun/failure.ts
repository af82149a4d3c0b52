// SPDX-License-Identifier: Apache-2.0
// Two failures are the same if they have the same outcome and the same canonical title.
import { z } from 'zod';
import { OUTCOMES } from '../../model/result/outcome.js';
import type { Result } from '../../model/result/result.js';

export const failureSchema = z.object({
  outcome: z.enum(OUTCOMES),
  /** Null if everything came back. */
  title: z.string().nullable(),
});
export type Failure = z.infer<typeof failureSchema>;

/** A wrong errno fails a run even if its outcome is as expected. Then it gives the title. */
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
