// SPDX-License-Identifier: Apache-2.0
// Searches for the first bad change among ordered changes. Pure: the caller judges the points.
import { z } from 'zod';
import { LabError } from '../../util/errors.js';

const POINT_STATES = ['good', 'bad', 'skip'] as const;
export type PointState = (typeof POINT_STATES)[number];

/** One point that was tried. Point 0 is the good end, the last is the bad one. */
export const triedSchema = z.object({
  index: z.number().int().min(0),
  verdict: z.enum(POINT_STATES),
  /** How the runs ended, or why the point cannot be judged. */
  why: z.string(),
  runs: z.number(),
  ms: z.number(),
});
export type Tried = z.infer<typeof triedSchema>;

export interface SearchResult {
  /** The first bad point; several points if those between them were skipped. */
  first: number[];
  lastGood: number;
}

/** Judges points until the first bad one is known. Both ends must have been judged: 0 is good, `last` is bad. */
export async function search(last: number, judge: (index: number) => Promise<Tried>): Promise<SearchResult> {
  const skipped = new Set<number>();
  let good = 0;
  let bad = last;
  for (;;) {
    const open = Array.from({ length: Math.max(0, bad - good - 1) }, (_, n) => good + 1 + n).filter(
      (index) => !skipped.has(index),
    );
    const [next] = open.sort((a, b) => Math.abs(a - (good + bad) / 2) - Math.abs(b - (good + bad) / 2));
    if (next === undefined)
      return { first: Array.from({ length: bad - good }, (_, n) => good + 1 + n), lastGood: good };
    const { verdict } = await judge(next);
    if (verdict === 'good') good = next;
    else if (verdict === 'bad') bad = next;
    else skipped.add(next);
  }
}

/** The most steps that are left, if no point is skipped. */
export function stepsLeft(points: number): number {
  return Math.ceil(Math.log2(Math.max(1, points)));
}

/** Throws a LabError if the good end is not good, or the bad end not bad. */
export function checkEnds(good: Tried, bad: Tried, names: { good: string; bad: string }): void {
  const both = `good ${names.good}: ${good.why}\nbad ${names.bad}: ${bad.why}`;
  const refuse = (message: string, hint: string | null = null) => {
    throw new LabError(message, { detail: both, hint });
  };
  if (good.verdict === 'bad' && bad.verdict === 'good')
    refuse(
      'good and bad are swapped: the good end fails, and the bad end does not',
      `--good ${names.bad} --bad ${names.good}`,
    );
  if (good.verdict === 'bad' && bad.verdict === 'bad')
    refuse(`both ends fail in the same way: ${names.good} is not good`, 'give an earlier --good');
  if (good.verdict === 'good' && bad.verdict === 'good')
    refuse(`neither end fails: ${names.bad} is not bad`, 'check that the scenario and --as are right');
  for (const [word, end] of [
    ['good', good],
    ['bad', bad],
  ] as const)
    if (end.verdict !== word) refuse(`the ${word} end cannot be judged`);
}
