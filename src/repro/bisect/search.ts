// SPDX-License-Identifier: Apache-2.0
// The search for the first bad change among changes in order. Pure: what is at a point is asked from outside.
import { LabError } from '../../util/errors.js';

export type Verdict = 'good' | 'bad' | 'skip';

/** One point that was tried. Point 0 is the good end, the last is the bad one. */
export interface Tried {
  index: number;
  verdict: Verdict;
  /** What was seen, or why nothing can be said. */
  why: string;
  runs: number;
  ms: number;
}

export interface Found {
  /** The first bad point; several where all between them had to be skipped. */
  first: number[];
  lastGood: number;
}

/** Tries points until the first bad one is known. Both ends must have been tried: 0 is good, `last` is bad. */
export async function search(last: number, ask: (index: number) => Promise<Tried>): Promise<Found> {
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
    const { verdict } = await ask(next);
    if (verdict === 'good') good = next;
    else if (verdict === 'bad') bad = next;
    else skipped.add(next);
  }
}

/** Steps that are left at most, where nothing is skipped. */
export function stepsLeft(points: number): number {
  return Math.ceil(Math.log2(Math.max(1, points)));
}

/** Throws where the ends do not hold what the search stands on. */
export function checkEnds(good: Tried, bad: Tried, names: { good: string; bad: string }): void {
  const both = `good ${names.good}: ${good.why}\nbad ${names.bad}: ${bad.why}`;
  const refuse = (message: string, hint: string | null = null) => {
    throw new LabError(message, { detail: both, hint });
  };
  if (good.verdict === 'bad' && bad.verdict === 'good')
    refuse(
      'good and bad are swapped: the good end fails, and the bad one does not',
      `--good ${names.bad} --bad ${names.good}`,
    );
  if (good.verdict === 'bad' && bad.verdict === 'bad')
    refuse(`both ends fail in the same way: ${names.good} is not good`, 'an earlier --good');
  if (good.verdict === 'good' && bad.verdict === 'good')
    refuse(`neither end fails: ${names.bad} is not bad`, 'is it the right scenario, and the right --as?');
  for (const [word, end] of [
    ['good', good],
    ['bad', bad],
  ] as const)
    if (end.verdict !== word) refuse(`the ${word} end cannot be judged`);
}
