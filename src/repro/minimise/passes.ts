// SPDX-License-Identifier: Apache-2.0
// The order of the search, as data. What may take away most comes first, and so does what makes each later run faster.
import { ddmin, shapeOf } from './search/ddmin.js';
import { at, type Data, pathsOf, textOf, withValue } from './data.js';
import { foldedForms } from './fold.js';
import { type Kind, KINDS } from './kinds.js';
import { smallestAtOnce, smallestNumber } from './numbers.js';
import { withEntries, withWords, wordsOf } from './required.js';
import {
  COUNTS,
  DROPS,
  FILES,
  LISTS,
  type ListRule,
  MACHINE,
  type NumberRule,
  SESSIONS,
  SIZES,
  STEPS,
} from './rules.js';
import type { Search } from './search/search.js';
import { spellOutFiles, spellOutSessions, spellOutSteps } from './spell-out.js';
import { subjectsOf, withoutSubjects } from './subjects.js';
import { onlySuspects } from './suspects.js';

export type Pass =
  | { pass: 'kinds'; what: string; kinds: readonly Kind[] }
  | { pass: 'suspects'; what: string }
  | { pass: 'entries'; what: string; list: ListRule }
  /** All numbers of these rules at their smallest, in one candidate. */
  | { pass: 'at-once'; what: string; rules: readonly NumberRule[] }
  | { pass: 'number'; what: string; rule: NumberRule }
  | { pass: 'subjects'; what: string }
  | { pass: 'words'; what: string }
  /** Steps that were written out become a repeat. */
  | { pass: 'fold'; what: string }
  | { pass: 'keys'; what: string; patterns: readonly string[] }
  /** The copies of a count or a repeat, each on its own. */
  | { pass: 'copies'; what: string; writeOut: (data: Data) => Data; passes: readonly Pass[] };

const entries = (list: ListRule): Pass => ({ pass: 'entries', what: list.what, list });
const number = (rule: NumberRule): Pass => ({ pass: 'number', what: rule.what, rule });
const SUBJECTS: Pass = { pass: 'subjects', what: 'subjects of steps' };

export const PASSES: readonly Pass[] = [
  { pass: 'kinds', what: 'whole kinds', kinds: KINDS },
  { pass: 'at-once', what: 'the smallest machine', rules: MACHINE },
  { pass: 'suspects', what: 'sessions under suspicion' },
  ...COUNTS.map(number),
  SUBJECTS,
  ...LISTS.map(entries),
  { pass: 'copies', what: 'copies of sessions', writeOut: spellOutSessions, passes: [entries(SESSIONS)] },
  { pass: 'copies', what: 'copies of files', writeOut: spellOutFiles, passes: [entries(FILES)] },
  { pass: 'copies', what: 'copies of steps', writeOut: spellOutSteps, passes: [SUBJECTS, entries(STEPS)] },
  { pass: 'fold', what: 'a repeat in place of equal steps' },
  { pass: 'words', what: 'words of the kernel command line' },
  { pass: 'keys', what: 'traits', patterns: DROPS },
  { pass: 'at-once', what: 'all sizes', rules: SIZES },
  ...SIZES.map(number),
  ...MACHINE.map(number),
];

export interface PassContext {
  search: Search;
  /** Candidates at once. */
  jobs: number;
  /** Files and sessions that did not come back intact in the failed run. */
  suspects: readonly string[];
  onPass: (what: string) => void;
}

export async function runPass(pass: Pass, context: PassContext): Promise<void> {
  const { search, jobs } = context;
  context.onPass(pass.what);
  switch (pass.pass) {
    case 'kinds': {
      const base = search.data;
      const present = pass.kinds.filter(({ without }) => textOf(without(base)) !== textOf(base));
      await leaveOut(search, present, (kept) =>
        present.filter((kind) => !kept.includes(kind)).reduce((data, { without }) => without(data), base),
      );
      return;
    }
    case 'suspects': {
      const guess = onlySuspects(spellOutSessions(search.data), context.suspects);
      if (guess !== null) await search.takeFirst([guess]);
      return;
    }
    case 'entries':
      return leaveOutEntries(search, pass.list);
    case 'at-once':
      return smallestAtOnce(search, pass.rules);
    case 'number':
      return smallestNumber(search, pass.rule, jobs);
    case 'subjects':
      return leaveOutSubjects(search);
    case 'fold':
      await search.takeFirst(foldedForms(search.data));
      return;
    case 'words':
      for (const path of pathsOf(search.data, 'cmdline.*')) {
        const base = search.data;
        await leaveOut(search, wordsOf(at(base, path)), (kept) => withWords(base, path, kept));
      }
      return;
    case 'keys': {
      const base = search.data;
      const paths = pass.patterns
        .flatMap((pattern) => pathsOf(base, pattern))
        .filter((path) => at(base, path) !== undefined);
      await leaveOut(search, paths, (kept) =>
        paths.filter((path) => !kept.includes(path)).reduce((data, path) => withValue(data, path, undefined), base),
      );
      return;
    }
    case 'copies':
      return search.inFull(pass.writeOut, async () => {
        const before = textOf(search.data);
        for (const [index, inner] of pass.passes.entries()) {
          // A later pass over the same copies only repeats what the first one has shown.
          if (index > 0 && textOf(search.data) === before) return;
          await runPass(inner, context);
        }
      });
  }
}

async function leaveOut<T>(
  search: Search,
  items: readonly T[],
  build: (kept: readonly T[]) => Data,
  { min = 0, shapes = () => null }: { min?: number; shapes?: (item: T) => string | null } = {},
): Promise<void> {
  await ddmin(items, (candidates) => search.takeFirst(candidates.map(build)), { min, shapeOf: shapes });
}

async function leaveOutEntries(search: Search, { patterns, min = 0 }: ListRule): Promise<void> {
  const base = search.data;
  const lists = patterns
    .flatMap((pattern) => pathsOf(base, pattern))
    .flatMap((path) => {
      const list = at(base, path);
      return Array.isArray(list) ? [{ path, items: list.map((entry: unknown) => ({ entry })) }] : [];
    });
  await leaveOut(
    search,
    lists.flatMap(({ items }) => items),
    (kept) => {
      const stays = new Set(kept);
      return lists.reduce(
        (data, { path, items }) =>
          withEntries(
            data,
            path,
            items.filter((item) => stays.has(item)).map(({ entry }) => entry),
          ),
        base,
      );
    },
    { min, shapes: ({ entry }) => shapeOf(entry) },
  );
}

async function leaveOutSubjects(search: Search): Promise<void> {
  const base = search.data;
  const { steps } = base;
  if (!Array.isArray(steps)) return;
  const names = subjectsOf(steps);
  await leaveOut(
    search,
    names,
    (kept) => {
      const stay = new Set(kept);
      return { ...base, steps: withoutSubjects(steps, new Set(names.filter((name) => !stay.has(name)))) };
    },
    { shapes: shapeOf },
  );
}
