// SPDX-License-Identifier: Apache-2.0
// Finds the patch with which something begins, by trying beginnings of the series. Each beginning is tried once for all
// questions.
import type { Blamed } from '../../model/series/try.js';

/** Whether each question is bad with the first `count` patches; null if that could not be tried. */
export type Try<Question> = (count: number, questions: readonly Question[]) => Promise<Map<Question, boolean | null>>;

interface Open<Question> {
  question: Question;
  /** The most patches with which it is known to be good, and the fewest with which it is bad. */
  good: number;
  bad: number;
  untried: Set<number>;
}

/** With no patch all questions are good, with all of them bad. */
export async function firstBad<Question>(
  patches: number,
  questions: readonly Question[],
  attempt: Try<Question>,
): Promise<Map<Question, Blamed>> {
  const all = questions.map((question): Open<Question> => ({ question, good: 0, bad: patches, untried: new Set() }));
  for (;;) {
    const next = all.map(candidate).find((count) => count !== null);
    if (next === undefined || next === null) break;
    const concerned = all.filter((each) => each.good < next && next < each.bad && !each.untried.has(next));
    const answers = await attempt(
      next,
      concerned.map(({ question }) => question),
    );
    for (const each of concerned) {
      const bad = answers.get(each.question) ?? null;
      if (bad === null) each.untried.add(next);
      else if (bad) each.bad = next;
      else each.good = next;
    }
  }
  return new Map(all.map(({ question, good, bad }) => [question, { first: good + 1, last: bad }]));
}

/** The beginning nearest to the middle that was not tried; null if none is left. */
function candidate({ good, bad, untried }: Open<unknown>): number | null {
  const middle = Math.floor((good + bad) / 2);
  const left = Array.from({ length: bad - good - 1 }, (_, index) => good + 1 + index).filter(
    (count) => !untried.has(count),
  );
  left.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle));
  return left[0] ?? null;
}
