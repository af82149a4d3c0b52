// SPDX-License-Identifier: Apache-2.0
// The report of `lab repro`: the same failure or not, how often, and what differs, side by side.
import type { Result } from '../../model/result/result.js';
import { diffRuns } from '../../report/text/diff-runs.js';
import { coloursFor, seconds } from '../../report/text/style.js';
import type { RunAgreement } from '../../repro/rerun/agreement.js';
import type { ReproReport } from '../../repro/rerun/rerun.js';
import { rateText } from '../../repro/rerun/confidence.js';
import { failureText } from '../../repro/rerun/failure.js';
import { printable } from '../../util/text/escape.js';
import { table } from './table.js';

const MAX_CELL = 60;
const MAX_ROWS = 30;
const MAX_TEXT = 200;

export interface Remarks {
  notes: readonly string[];
  /** Null without `--same`. */
  agreements: readonly RunAgreement[] | null;
}

/** Scripts read this: the names stay as they are. */
export function reproJson(original: Result, report: ReproReport, { notes, agreements }: Remarks) {
  const { representative, ...rest } = report;
  return {
    run: original.id,
    same: report.rate.seen > 0,
    ...rest,
    originalMs: Math.round(original.durations['total'] ?? 0),
    differences: diffRuns(original, representative),
    notes,
    ...(agreements === null ? {} : { agreements }),
  };
}

export function reproText(
  original: Result,
  report: ReproReport,
  { notes, agreements }: Remarks,
  stream: { isTTY?: boolean },
): string {
  const colours = coloursFor(stream);
  const { rate, runs, representative } = report;
  const same = rate.seen > 0;
  const head = colours.bold(same ? 'SAME FAILURE' : colours.red('NOT THE SAME'));
  const lines = [
    `${head}  ${printable(failureText(report.original), 300)}`,
    '',
    `  then  ${printable(original.id)}  ${seconds(original.durations['total'] ?? 0)}`,
    ...runs
      .slice(0, MAX_ROWS)
      .map(
        ({ folder, ms, same: is, failure }) =>
          `  now   ${printable(folder)}  ${seconds(ms)}${is ? '' : `  ${printable(failureText(failure), 200)}`}`,
      ),
  ];
  if (runs.length > MAX_ROWS) lines.push(`        and ${runs.length - MAX_ROWS} more`);
  if (runs.length > 1)
    lines.push(
      '',
      `  the same failure in ${rateText(rate)}` +
        (rate.runs < runs.length ? `; in ${runs.length - rate.runs} the lab itself failed` : ''),
    );
  if (agreements !== null) lines.push('', ...agreements.slice(0, MAX_ROWS).flatMap(agreementLines));
  for (const note of notes) lines.push(`  note: ${printable(note, 600)}`);
  const differences = diffRuns(original, representative);
  if (!same && differences.length > 0) {
    const rows = differences
      .slice(0, MAX_ROWS)
      .map(({ what, before, after }) => [what, before, after].map((text) => printable(text, MAX_CELL)));
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

function agreementLines({ folder, lines, equal, measured, first }: RunAgreement): string[] {
  const of = Math.max(...lines);
  const more = measured === 0 ? '' : `, ${measured} more but for a measured time`;
  return [
    `  console of ${printable(folder)}, compared with the first: ` +
      `${equal} of ${of} lines the same in the same order${more}`,
    ...(first === null
      ? []
      : [
          `    first difference at line ${first.line}`,
          ...first.texts.map((text) => `      ${text === null ? '(the console ends)' : printable(text, MAX_TEXT)}`),
        ]),
  ];
}
