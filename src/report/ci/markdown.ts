// SPDX-License-Identifier: Apache-2.0
// The night in Markdown for the summary of a CI job, bounded: GitHub takes no more than 1 MiB.
import type { Square } from '../../model/result/matrix.js';
import type { Night } from '../../store/matrix/night.js';
import { printable } from '../../util/text/escape.js';
import type { NightDiff } from '../night/diff.js';
import { countsOf, countsText, verdictOfNight } from '../night/counts.js';
import { againCommand, chainText, expectedText, failed, scenarioName, stateText, titleOf } from '../night/square.js';

const MOST_ROWS = 100;

/** @param diff against the night before; null where there is none */
export function markdown(night: Night, diff: NightDiff | null): string {
  const counts = countsOf(night.squares);
  const bad = night.squares.filter((square) => failed(square));
  const undecided = night.squares.filter(
    ({ asExpected, state }) => !asExpected && (state === 'infra' || state === 'pending'),
  );
  const lines = [
    `## ${text(verdictOfNight(counts))}`,
    '',
    `${text(night.id)}: ${countsText(counts)}.`,
    '',
    ...night.notes.map((note) => `> ${text(note)}\n`),
  ];
  if (diff !== null) lines.push(...changesOf(diff));
  if (bad.length > 0)
    lines.push(
      '### Failed',
      '',
      '| pair | scenario | outcome | expected | cause |',
      '|---|---|---|---|---|',
      ...rows(bad),
      '',
      '```sh',
      ...bad.slice(0, MOST_ROWS).map((square) => printable(againCommand(square)).replaceAll('`', '')),
      '```',
      '',
    );
  if (undecided.length > 0)
    lines.push(
      '### No verdict',
      '',
      '| pair | scenario | state | expected | cause |',
      '|---|---|---|---|---|',
      ...rows(undecided),
      '',
    );
  return `${lines.join('\n')}\n`;
}

function changesOf({ changes, same }: NightDiff): string[] {
  if (changes.length === 0) return [`Nothing changed since the night before (${same} squares).`, ''];
  const shown = changes.slice(0, MOST_ROWS).map(({ kind, before, after }) => {
    const square = (after ?? before) as Square;
    return `| ${kind} | ${text(chainText(square.kernels))} | ${text(scenarioName(square.scenario))} | ${before === null ? '' : text(stateText(before))} | ${after === null ? '' : text(stateText(after))} |`;
  });
  return [
    '### Changed since the night before',
    '',
    '| | pair | scenario | before | now |',
    '|---|---|---|---|---|',
    ...shown,
    ...more(changes.length),
    '',
  ];
}

function rows(squares: readonly Square[]): string[] {
  const shown = squares
    .slice(0, MOST_ROWS)
    .map(
      (square) =>
        `| ${[chainText(square.kernels), scenarioName(square.scenario), stateText(square), expectedText(square), titleOf(square) ?? ''].map(text).join(' | ')} |`,
    );
  return [...shown, ...more(squares.length)];
}

function more(count: number): string[] {
  return count > MOST_ROWS ? [`| | and ${count - MOST_ROWS} more | | | |`] : [];
}

/** Text of any origin, so that it is nothing but text in Markdown and in the HTML that it allows. */
function text(raw: string): string {
  return printable(raw, 300)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/[\\`*_[\]|~#!@]/g, (char) => `&#${char.charCodeAt(0)};`);
}
