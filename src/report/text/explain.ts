// SPDX-License-Identifier: Apache-2.0
// The explanation of a failed update, for a terminal.
import type { Explanation, FieldRow } from '../../model/result/explanation.js';
import { printable } from '../../util/text/escape.js';
import { coloursFor, seconds } from './style.js';

const MAX_INCIDENTS = 14;
const MAX_FRAMES = 24;

export function explainText(story: Explanation, stream: { isTTY?: boolean }): string {
  const colours = coloursFor(stream);
  const { wrote, expected, check, trace, structure } = story;
  const lines: string[] = [];
  const part = (title: string, rows: readonly string[]) => {
    if (rows.length > 0)
      lines.push(colours.bold(printable(title, 300)), ...rows.map((row) => `   ${printable(row, 300)}`), '');
  };
  let number = 0;
  const next = () => `${++number}.`;
  part(`${next()} ${wrote.kernel} wrote`, [wrote.versions.join('  '), ...wrote.where]);
  part(`${next()} the scenario changed it from outside`, story.faults);
  if (story.faults.length === 0) number--;
  part(`${next()} ${expected.kernel} reads`, [
    expected.versions.join('  '),
    ...expected.mismatches,
    ...expected.layouts,
  ]);
  part(`${next()} what happened`, incidentRows(story));
  if (story.processors.length > 0) part(`${next()} the processors at the end`, story.processors);
  if (check !== null) {
    const location = check.source === null ? '' : `, ${check.source.file}:${check.source.line}`;
    part(
      `${next()} ${check.function}() refused ${check.refuses}${location}`,
      (check.source?.lines ?? []).map((line, i) => {
        const number = i + (check.source?.first ?? 0);
        const mark = number === check.source?.line ? '>' : ' ';
        return `${mark} ${String(number).padStart(5)}  ${line.replaceAll('\t', '    ')}`;
      }),
    );
  }
  if (structure !== null)
    part(
      `${next()} the structure is ${structure.place}: ${structure.dump.what} at ${structure.dump.phys}`,
      structure.dump.rows.map(rowText),
    );
  if (structure?.read)
    part(`${next()} ${expected.kernel} reads the same bytes like this`, structure.read.rows.map(rowText));
  part(`${next()} stack trace of ${expected.kernel}`, [
    ...trace.frames
      .slice(0, MAX_FRAMES)
      .flatMap(({ function: name, offset, unsure, lines: at }) => [
        `${unsure ? '? ' : '  '}${name}+0x${offset.toString(16)}${at[0] === undefined ? '' : `  ${at[0]}`}`,
        ...at.slice(1).map((line) => `      inlined in ${line}`),
      ]),
    ...(trace.why === null ? [] : [`(${trace.why})`]),
  ]);
  part(`the run ended in ${story.outcome}`, story.title === null ? [] : [story.title]);
  for (const note of story.notes) lines.push(`note: ${printable(note, 300)}`);
  return `${lines.join('\n').trimEnd()}\n`;
}

function incidentRows({ said: all }: Explanation): string[] {
  const rows = all
    .slice(0, MAX_INCIDENTS)
    .map(({ t, epoch, text }) => `${seconds(t).padStart(8)}  epoch ${epoch}  ${text}`);
  return all.length > MAX_INCIDENTS ? [...rows, `and ${all.length - MAX_INCIDENTS} more`] : rows;
}

function rowText({ offset, bytes, field, type, value, here }: FieldRow): string {
  const position = `${here ? '>' : ' '} ${`+${offset}`.padStart(5)}`;
  return `${position}  ${bytes.padEnd(51)}  ${field.padEnd(24)} ${type.padEnd(10)} ${value}`.trimEnd();
}
