// SPDX-License-Identifier: Apache-2.0
// Explains why each part of the smallest scenario is required: how a run ended that left out exactly this part.
import type { Candidates } from './search/candidates.js';
import { at, type Data, type Path, pathsOf, textOf, withValue } from './data.js';
import { nextSmaller } from './numbers.js';
import { COUNTS, DROPS, LISTS } from './rules.js';

/** A part that cannot be removed. */
export interface RequiredPart {
  /** Where it is, and its value. */
  what: string;
  /** How a run without it ended. */
  without: string;
}

const MAX_VALUE_CHARS = 100;

export function requiredParts(data: Data, candidates: Pick<Candidates, 'answerOf'>): RequiredPart[] {
  const parts: RequiredPart[] = [];
  const check = (path: Path, value: unknown, without: Data) => {
    const answer = candidates.answerOf(textOf(without));
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    if (answer !== null && !answer.holds)
      parts.push({
        what: `${path.join('.')}: ${text.length > MAX_VALUE_CHARS ? `${text.slice(0, MAX_VALUE_CHARS - 1)}…` : text}`,
        without: answer.instead,
      });
  };
  for (const path of LISTS.flatMap(({ patterns }) => patterns).flatMap((pattern) => pathsOf(data, pattern))) {
    const entries = at(data, path);
    if (Array.isArray(entries))
      for (const [index, entry] of entries.entries())
        check(
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
    if (value !== undefined) check(path, value, withValue(data, path, undefined));
  }
  for (const { path, value, to, smaller } of COUNTS.flatMap((rule) => nextSmaller(data, rule))) {
    const answer = candidates.answerOf(textOf(smaller));
    if (answer !== null && !answer.holds)
      parts.push({ what: `${path.join('.')}: ${value}`, without: `with ${to}: ${answer.instead}` });
  }
  for (const path of pathsOf(data, 'cmdline.*')) {
    const words = wordsOf(at(data, path));
    for (const [index, word] of words.entries())
      check(
        path,
        word,
        withWords(
          data,
          path,
          words.filter((_, n) => n !== index),
        ),
      );
  }
  return parts;
}

export function wordsOf(line: unknown): string[] {
  return typeof line === 'string' ? line.split(/\s+/).filter((word) => word !== '') : [];
}

export function withWords(data: Data, path: Path, words: readonly string[]): Data {
  return withValue(data, path, words.length === 0 ? undefined : words.join(' '));
}

/** An empty list is removed with its key, except `sessions`: without that key there would be no steps at all. */
export function withEntries(data: Data, path: Path, entries: readonly unknown[]): Data {
  return withValue(data, path, entries.length === 0 && path.at(-1) !== 'sessions' ? undefined : entries);
}
