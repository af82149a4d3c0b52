// SPDX-License-Identifier: Apache-2.0
// What `lab repro` tells: same failure or not, how often, and what differs, side by side.
import type { Result } from '../../model/result/result.js';
import { diffRuns } from '../../report/diff-runs.js';
import { coloursFor, seconds } from '../../report/text/style.js';
import type { Again } from '../../repro/rerun/again.js';
import { rateText } from '../../repro/rerun/confidence.js';
import { failureText } from '../../repro/rerun/failure.js';
import { printable } from '../../util/text/escape.js';
import { table } from './table.js';

const MOST_SHOWN = 60;
const MOST_ROWS = 30;

export function againReport(original: Result, again: Again, notes: readonly string[]) {
  const { telling, ...rest } = again;
  return {
    run: original.id,
    same: again.rate.seen > 0,
    ...rest,
    originalMs: Math.round(original.durations['total'] ?? 0),
    differences: diffRuns(original, telling),
    notes,
  };
}

export function againText(
  original: Result,
  again: Again,
  notes: readonly string[],
  stream: { isTTY?: boolean },
): string {
  const colours = coloursFor(stream);
  const { rate, runs, telling } = again;
  const same = rate.seen > 0;
  const lines = [
    `${same ? colours.bold('SAME FAILURE') : colours.bold(colours.red('NOT THE SAME'))}  ${printable(failureText(again.original), 300)}`,
    '',
    `  then  ${printable(original.id)}  ${seconds(original.durations['total'] ?? 0)}`,
    ...runs
      .slice(0, MOST_ROWS)
      .map(
        ({ folder, ms, same: is, failure }) =>
          `  now   ${printable(folder)}  ${seconds(ms)}${is ? '' : `  ${printable(failureText(failure), 200)}`}`,
      ),
  ];
  if (runs.length > MOST_ROWS) lines.push(`        and ${runs.length - MOST_ROWS} more`);
  if (runs.length > 1)
    lines.push(
      '',
      `  the same failure in ${rateText(rate)}${rate.runs < runs.length ? `; ${runs.length - rate.runs} failed in the lab itself` : ''}`,
    );
  for (const note of notes) lines.push(`  note: ${printable(note, 600)}`);
  const differences = diffRuns(original, telling);
  if (!same && differences.length > 0) {
    const rows = differences
      .slice(0, MOST_ROWS)
      .map(({ what, before, after }) => [what, before, after].map((text) => printable(text, MOST_SHOWN)));
    lines.push(
      '',
      ...table(['WHAT', 'THEN', 'NOW'], rows)
        .trimEnd()
        .split('\n')
        .map((row) => `  ${row}`),
    );
  }
  return `${lines.join('\n')}\n`;
}
