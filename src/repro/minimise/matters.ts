// SPDX-License-Identifier: Apache-2.0
// What each thing that is left is needed for: what was seen without it, of what was tried on the very scenario that is
// left.
import type { Trials } from '../rerun/trials.js';
import { at, type Data, type Path, pathsOf, textOf, withValue } from './data.js';
import { DROPS, LISTS } from './rules.js';

/** Something that cannot go. */
export interface Matter {
  what: string;
  without: string;
}

const LONGEST = 100;

export function whatMatters(data: Data, trials: Pick<Trials, 'verdictOf'>): Matter[] {
  const found: Matter[] = [];
  const ask = (path: Path, value: unknown, without: Data) => {
    const verdict = trials.verdictOf(textOf(without));
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    if (verdict !== null && !verdict.holds)
      found.push({
        what: `${path.join('.')}: ${text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text}`,
        without: verdict.instead,
      });
  };
  for (const path of LISTS.flatMap(({ patterns }) => patterns).flatMap((pattern) => pathsOf(data, pattern))) {
    const entries = at(data, path);
    if (Array.isArray(entries))
      for (const [index, entry] of entries.entries())
        ask(
          path,
          entry,
          withEntries(
            data,
            path,
            entries.filter((_, n) => n !== index),
          ),
        );
  }
  for (const path of DROPS.flatMap((pattern) => pathsOf(data, pattern))) {
    const value = at(data, path);
    if (value !== undefined) ask(path, value, withValue(data, path, undefined));
  }
  for (const path of pathsOf(data, 'cmdline.*')) {
    const words = wordsOf(at(data, path));
    for (const [index, word] of words.entries())
      ask(
        path,
        word,
        withWords(
          data,
          path,
          words.filter((_, n) => n !== index),
        ),
      );
  }
  return found;
}

export function wordsOf(line: unknown): string[] {
  return typeof line === 'string' ? line.split(/\s+/).filter((word) => word !== '') : [];
}

export function withWords(data: Data, path: Path, words: readonly string[]): Data {
  return withValue(data, path, words.length === 0 ? undefined : words.join(' '));
}

/** An empty list goes with its key, but for sessions: without that key there are no steps at all. */
export function withEntries(data: Data, path: Path, entries: readonly unknown[]): Data {
  return withValue(data, path, entries.length === 0 && path.at(-1) !== 'sessions' ? undefined : entries);
}
