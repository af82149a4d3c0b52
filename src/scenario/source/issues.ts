// SPDX-License-Identifier: Apache-2.0
// Turns zod's issues into problems: what was expected, what was found, and the nearest correct word.
import type { z } from 'zod';
import { nearest } from '../../util/text/nearest.js';
import type { Path } from './document.js';
import { listed, shown } from './problem.js';
import type { Problems } from './problems.js';

type Issue = z.core.$ZodIssue;

const TYPES: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  array: 'a list',
  record: 'a mapping',
  null: 'nothing',
};

function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const segment of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[segment];
  return value;
}

function isMissing(data: unknown, path: Path): boolean {
  if (path.length === 0) return false;
  const parent = valueAt(data, path.slice(0, -1));
  return typeof parent === 'object' && parent !== null && !Object.hasOwn(parent, path.at(-1)!);
}

/** How badly a branch of a union fits a value: 0 if the value has the right type. */
function distance(issues: readonly Issue[]): number {
  let worst = 0;
  for (const issue of issues) {
    if (issue.path.length > 0) continue;
    if (issue.code === 'invalid_type') worst = Math.max(worst, 2);
    else if (issue.code === 'invalid_value') worst = Math.max(worst, 1);
    else if (issue.code === 'invalid_union') worst = Math.max(worst, 2);
  }
  return worst;
}

/** The types or words that would fix an issue at the root of a value. */
function expectedOf(issue: Issue): string[] {
  if (issue.code === 'invalid_type')
    return [ownMessage(issue)?.replace(/^expected /, '') ?? TYPES[issue.expected] ?? issue.expected];
  if (issue.code === 'invalid_value') return issue.values.map((value) => (value === null ? 'nothing' : String(value)));
  if (issue.code === 'invalid_union')
    return issue.errors.flatMap((branch) => branch.filter((each) => each.path.length === 0).flatMap(expectedOf));
  return [];
}

/** The message if it is the lab's own, which starts with "expected"; null for zod's messages. */
function ownMessage(issue: Issue): string | null {
  return issue.message.startsWith('expected ') ? issue.message : null;
}

function alternatives(words: readonly string[]): string {
  const unique = [...new Set(words)];
  return unique.length > 1 ? `${unique.slice(0, -1).join(', ')} or ${unique.at(-1)}` : (unique[0] ?? 'something else');
}

function choiceHint(value: unknown, words: readonly string[]): string | null {
  const near = typeof value === 'string' ? nearest(value, words) : null;
  return near === null ? null : `did you mean "${near}"?`;
}

class Translator {
  readonly #problems: Problems;
  readonly #data: unknown;

  constructor(problems: Problems, data: unknown) {
    this.#problems = problems;
    this.#data = data;
  }

  issue(issue: Issue, base: Path): void {
    const path = [...base, ...issue.path];
    const value = valueAt(this.#data, path);
    switch (issue.code) {
      case 'unrecognized_keys':
        this.#unknownKeys(issue.keys, issue.message.split(','), path);
        return;
      case 'invalid_union':
        this.#union(issue, path, value);
        return;
      case 'invalid_value':
        this.#mismatch(
          path,
          value,
          issue.values.length > 12 ? 'one of the known words' : alternatives(expectedOf(issue)),
          issue.values.map(String),
        );
        return;
      case 'invalid_type':
        if (ownMessage(issue)?.includes(';')) this.#problems.add(path, issue.message);
        else this.#mismatch(path, value, alternatives(expectedOf(issue)));
        return;
      case 'too_small':
      case 'too_big':
        this.#problems.add(path, ownMessage(issue) ?? outOfRange(issue, value));
        return;
      case 'custom': {
        const hint: unknown = issue.params?.['hint'];
        this.#problems.add(path, issue.message, typeof hint === 'string' ? hint : null);
        return;
      }
      default:
        this.#problems.add(path, `${ownMessage(issue) ?? issue.message}, found ${shown(value)}`);
    }
  }

  #mismatch(path: Path, value: unknown, expected: string, words: readonly string[] = []): void {
    if (isMissing(this.#data, path)) {
      const parent = path.slice(0, -1);
      this.#problems.add(
        parent,
        `missing key "${String(path.at(-1))}": expected ${expected}`,
        null,
        typeof parent.at(-1) === 'number' ? 'value' : 'key',
      );
      return;
    }
    this.#problems.add(path, `expected ${expected}, found ${shown(value)}`, choiceHint(value, words));
  }

  #unknownKeys(keys: readonly string[], known: readonly string[], path: Path): void {
    for (const key of keys) {
      if (this.#problems.full) return;
      const near = nearest(key, known);
      this.#problems.add(
        [...path, key],
        `unknown key ${shown(key)}`,
        near ? `did you mean "${near}"?` : `known here: ${listed(known, 30)}`,
        'key',
      );
    }
  }

  #union(issue: Extract<Issue, { code: 'invalid_union' }>, path: Path, value: unknown): void {
    const best = issue.errors.toSorted((a, b) => distance(a) - distance(b))[0] ?? [];
    const kind = distance(best);
    if (kind === 0 && best.length > 0) {
      for (const each of best) this.issue(each, path);
      return;
    }
    const words = expectedOf(issue);
    this.#mismatch(path, value, ownMessage(issue)?.replace(/^expected /, '') ?? alternatives(words), words);
  }
}

function outOfRange(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>, value: unknown): string {
  const small = issue.code === 'too_small';
  const limit = small ? issue.minimum : issue.maximum;
  const bound =
    issue.inclusive === false
      ? small
        ? `more than ${limit}`
        : `less than ${limit}`
      : `at ${small ? 'least' : 'most'} ${limit}`;
  if (Array.isArray(value)) return `expected ${bound} entries, found ${value.length}`;
  if (typeof value === 'string') return `expected ${bound} characters, found ${value.length}`;
  return `expected ${bound}, found ${shown(value)}`;
}

/** Adds all issues to the problems, with their positions. */
export function addIssues(issues: readonly Issue[], data: unknown, problems: Problems): void {
  const translator = new Translator(problems, data);
  for (const issue of issues) {
    if (problems.full) return;
    translator.issue(issue, []);
  }
}
