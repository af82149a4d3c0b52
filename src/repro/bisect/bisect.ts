// SPDX-License-Identifier: Apache-2.0
// One bisection: first both ends, then the search. Each point is judged once, and the journal keeps every answer.
import type { Axis } from './axis.js';
import type { Journal } from './journal.js';
import { type Ends, Judge, type JudgeOptions } from './judge.js';
import { checkEnds, search, type SearchResult, stepsLeft, type Tried } from './search.js';

export interface BisectOptions extends JudgeOptions {
  axis: Axis;
  journal: Journal;
  onStage: (what: string) => void;
}

export interface Bisected extends SearchResult {
  ends: Ends;
  tried: Tried[];
}

/** Throws a LabError if the good end is not good, or the bad end not bad. */
export async function bisect(options: BisectOptions): Promise<Bisected> {
  const { axis, journal, onStage } = options;
  const judge = new Judge(options);
  const last = axis.points.length - 1;
  const names = { good: axis.points[0] as string, bad: axis.points[last] as string };
  if (journal.ends === null) {
    onStage('both ends');
    const { ends, good, bad } = await judge.ends(last);
    checkEnds(good, bad, names);
    journal.setEnds(ends, good, bad);
  }
  const ends = journal.ends as Ends;
  const found = await search(last, async (index) => {
    const known = journal.tried.get(index);
    if (known !== undefined) return known;
    onStage(`point ${index} of ${last}, ${axis.points[index]}; at most ${stepsLeft(last) - 1} steps`);
    const tried = await judge.at(index, ends);
    journal.add(tried);
    return tried;
  });
  return { ...found, ends, tried: [...journal.tried.values()].sort((a, b) => a.index - b.index) };
}
