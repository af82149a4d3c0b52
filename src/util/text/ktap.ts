// SPDX-License-Identifier: Apache-2.0
// Parses KTAP (Documentation/dev-tools/ktap.rst, 7.3): results, subtests by indentation, and diagnostics before their
// result. The text comes from a machine under test, so anything else in it is skipped, and everything is bounded.

export interface KtapCase {
  /** Names of the enclosing tests, outermost first, then its own name. */
  path: string[];
  state: 'pass' | 'fail' | 'skip';
  /** The text behind the directive, and the lines before the result. */
  detail: string;
}

export interface Ktap {
  /** Cases without subtests, in the order of the text. */
  cases: KtapCase[];
  /** Number of announced tests on the outermost level; null if there was no announcement. */
  planned: number | null;
  /** Why the test bailed out; null if it did not. */
  bailOut: string | null;
}

const RESULT = /^( *)(not ok|ok) +(\d+)(?: +-)?(?: +(.*))?$/;
const DIRECTIVE = /(?:^|\s)#\s*(SKIP|TODO|XFAIL|TIMEOUT|ERROR)\b\s*(.*)$/i;
const MAX_CASES = 10_000;
const MAX_DETAIL = 2000;
const MAX_LEVELS = 10;

export function parseKtap(text: string): Ktap {
  const cases: KtapCase[] = [];
  let planned: number | null = null;
  let bailOut: string | null = null;
  let results = 0;
  let notes: string[] = [];
  /** By indentation: cases of subtests whose parent has no result yet. */
  const open = new Map<number, KtapCase[]>();
  for (const raw of text.split('\n')) {
    const line = raw.replace(/\r$/, '');
    const bail = /^ *Bail out!\s*(.*)$/.exec(line);
    if (bail !== null) bailOut ??= (bail[1] ?? '').slice(0, MAX_DETAIL);
    const plan = /^1\.\.(\d+)/.exec(line);
    if (plan !== null) planned ??= Number(plan[1]);
    const result = RESULT.exec(line);
    if (result === null) {
      const note = /^ *# ?(.*)$/.exec(line);
      if (note !== null && note[1] !== '' && notes.join('\n').length < MAX_DETAIL) notes.push(note[1] ?? '');
      continue;
    }
    const [, blanks = '', verdict, , rest = ''] = result;
    const level = Math.min(MAX_LEVELS, blanks.length >> 1);
    const directive = DIRECTIVE.exec(rest);
    const name = (directive === null ? rest : rest.slice(0, directive.index)).trim() || `test ${result[3]}`;
    const inner = [...open.keys()]
      .filter((each) => each > level)
      .sort((a, b) => a - b)
      .flatMap((each) => open.get(each) ?? []);
    for (const each of open.keys()) if (each > level) open.delete(each);
    const found =
      inner.length > 0
        ? inner.map((each) => ({ ...each, path: [name, ...each.path] }))
        : [
            {
              path: [name],
              state: stateOf(verdict, directive?.[1]?.toUpperCase()),
              detail: [directive?.[2] ?? '', ...notes]
                .filter((part) => part !== '')
                .join('\n')
                .slice(0, MAX_DETAIL),
            },
          ];
    notes = [];
    const list = level === 0 ? cases : (open.get(level) ?? []);
    if (level > 0) open.set(level, list);
    if (++results <= MAX_CASES) list.push(...found);
  }
  // Subtests whose parent never got a result.
  for (const level of [...open.keys()].sort((a, b) => a - b)) cases.push(...(open.get(level) ?? []));
  return { cases: cases.slice(0, MAX_CASES), planned, bailOut };
}

function stateOf(verdict: string | undefined, directive: string | undefined): KtapCase['state'] {
  if (directive === 'SKIP') return 'skip';
  if (directive === 'TIMEOUT' || directive === 'ERROR') return 'fail';
  return verdict === 'ok' || directive === 'TODO' || directive === 'XFAIL' ? 'pass' : 'fail';
}
