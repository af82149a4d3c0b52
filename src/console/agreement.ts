// SPDX-License-Identifier: Apache-2.0
// How far two consoles agree: the same lines in the same order, the time in front of each aside.

export interface Agreement {
  /** Lines of each. */
  lines: [number, number];
  /** Lines that both have, in the same order. */
  equal: number;
  /** Further lines that both have there, with another measured time or boot id in them. */
  measured: number;
  /** The first line that is another one in each, counted from 1; null if there is none. Text null: the console ends. */
  first: { line: number; texts: [string | null, string | null] } | null;
}

const STAMP = /^(?:\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?)+/;

/** What a machine measures by its clock or draws by chance, within a line. */
const MEASURED: readonly [RegExp, string][] = [
  [/^(sched_clock: Marking stable) .*/, '$1'],
  [/^(tsc: (?:Refined TSC clocksource calibration|Detected)).*/, '$1'],
  [/^(clocksource: tsc[\w-]*: mask:).*/, '$1'],
  [/^(smpboot: Total of \d+ processors activated).*/, '$1'],
  [/^(LAB-INIT) [\d.]+ s/, '$1'],
  [/^(LAB-READY .*)"mono":[\d.]+/, '$1'],
  [/"bootId":"[\w-]{36}"/, '"bootId"'],
];

/** More cells than this are not compared: lines that differ beyond that count as different. */
const MAX_CELLS = 16_000_000;

const bare = (line: string): string => line.replace(/\r$/, '').replace(STAMP, '');
const unmeasured = (line: string): string =>
  MEASURED.reduce((text, [pattern, kept]) => text.replace(pattern, kept), line);

/** Compares two consoles, given as lines. */
export function agreementOf(one: readonly string[], other: readonly string[]): Agreement {
  const [a, b] = [one.map(bare), other.map(bare)];
  const pairs = matched(a.map(unmeasured), b.map(unmeasured));
  const equal = pairs.filter(([i, j]) => a[i] === b[j]).length;
  const at = pairs.findIndex(([i, j], n) => i !== n || j !== n);
  const first = at < 0 ? pairs.length : at;
  const same = first === a.length && first === b.length;
  return {
    lines: [a.length, b.length],
    equal,
    measured: pairs.length - equal,
    first: same ? null : { line: first + 1, texts: [a[first] ?? null, b[first] ?? null] },
  };
}

/** A longest common subsequence, as pairs of indices. */
function matched(a: readonly string[], b: readonly string[]): [number, number][] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const [rows, columns] = [a.length - start - end, b.length - start - end];
  const pairs: [number, number][] = Array.from({ length: start }, (_, i) => [i, i]);
  if (rows * columns <= MAX_CELLS)
    for (const [i, j] of longest(a.slice(start, start + rows), b.slice(start, start + columns)))
      pairs.push([start + i, start + j]);
  for (let left = end; left > 0; left--) pairs.push([a.length - left, b.length - left]);
  return pairs;
}

function longest(a: readonly string[], b: readonly string[]): [number, number][] {
  const width = b.length + 1;
  /** Length of the longest common subsequence of what begins at (i, j). */
  const length = new Uint32Array((a.length + 1) * width);
  const of = (i: number, j: number): number => length[i * width + j] as number;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      length[i * width + j] = a[i] === b[j] ? of(i + 1, j + 1) + 1 : Math.max(of(i + 1, j), of(i, j + 1));
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;)
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (of(i + 1, j) >= of(i, j + 1)) i++;
    else j++;
  return pairs;
}
