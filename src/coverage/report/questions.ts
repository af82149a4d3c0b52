// SPDX-License-Identifier: Apache-2.0
// Which line does nothing reach, and what reaches a line?
import type { KernelCode } from '../code/kernel-code.js';
import type { MergedKernel } from './merge.js';
import { functionAt, type SourceFile } from '../code/source-files.js';
import { linesOf, type RanCode } from '../code/tally.js';

/** Lines of one function that did not run, next to each other but for lines without code. */
export interface MissedLines {
  path: string;
  function: string;
  first: number;
  last: number;
}

export function missedLines(files: readonly SourceFile[], ran: RanCode): MissedLines[] {
  return files.flatMap((file) => {
    const missed: MissedLines[] = [];
    let goesOn = false;
    for (const [line, hit] of linesOf(file, ran)) {
      const name = functionAt(file, line) ?? '?';
      const last = missed.at(-1);
      if (hit) goesOn = false;
      else if (goesOn && last?.function === name) last.last = line;
      else {
        missed.push({ path: file.path, function: name, first: line, last: line });
        goesOn = true;
      }
    }
    return missed;
  });
}

export type Reached =
  /** Labels of the runs that reach it, each with their number. */
  | { kind: 'code'; path: string; runs: Map<string, number> }
  | { kind: 'no-code'; path: string; nearest: number | null }
  | { kind: 'no-file' };

/** @param file the path of a file in the source tree, or its end */
export function reachedBy(code: KernelCode, { runs }: MergedKernel, file: string, line: number): Reached {
  const found = (code.files ?? []).find(({ path }) => path === file || path.endsWith(`/${file}`));
  if (found === undefined) return { kind: 'no-file' };
  const own = found.ranges.filter(([of]) => of === line);
  if (own.length === 0) {
    const after = found.ranges.map(([of]) => of).filter((of) => of > line);
    return { kind: 'no-code', path: found.path, nearest: after.length === 0 ? null : Math.min(...after) };
  }
  const labels = new Map<string, number>();
  for (const { label, ran } of runs)
    if (own.some(([, start, end]) => ran.touches(start, end))) labels.set(label, (labels.get(label) ?? 0) + 1);
  return { kind: 'code', path: found.path, runs: labels };
}
