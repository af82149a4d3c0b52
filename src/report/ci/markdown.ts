// SPDX-License-Identifier: Apache-2.0
// A night in Markdown, for the summary of a CI job. Its size is bounded, because GitHub accepts at most 1 MiB.
import type { PairResult } from '../../model/result/matrix.js';
import type { NightlyReport } from '../../store/matrix/nightly-report.js';
import { printable } from '../../util/text/escape.js';
import type { NightDiff } from '../night/diff.js';
import { nightHuntLines, nightVerdict } from '../hunt/night.js';
import { countsOf, countsText } from '../night/counts.js';
import { newKernelLines } from '../night/new-kernels.js';
import {
  rerunCommand,
  chainText,
  expectedText,
  failed,
  scenarioName,
  stateText,
  titleOf,
} from '../night/pair-result.js';

const MAX_ROWS = 100;

/** @param diff against the night before; null if there is none */
export function markdown(night: NightlyReport, diff: NightDiff | null): string {
  const counts = countsOf(night.pairResults);
  const bad = night.pairResults.filter((pairResult) => failed(pairResult));
  const undecided = night.pairResults.filter(
    ({ asExpected, state }) => !asExpected && (state === 'infra' || state === 'pending'),
  );
  const lines = [
    `## ${text(nightVerdict(night).text)}`,
    '',
    `${text(night.id)}: ${countsText(counts)}.`,
    '',
    ...newKernelLines(night.newKernels).map((line) => `> ${text(line)}\n`),
    ...night.notes.map((note) => `> ${text(note)}\n`),
  ];
  const hunt = nightHuntLines(night.hunt);
  if (hunt.length > 0) lines.push('### Hunt', '', ...hunt.map((line) => `- ${text(line.trim())}`), '');
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
      ...bad.slice(0, MAX_ROWS).map((pairResult) => printable(rerunCommand(pairResult)).replaceAll('`', '')),
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
  if (changes.length === 0) return [`Nothing changed since the night before (${same} pair results).`, ''];
  const shown = changes.slice(0, MAX_ROWS).map(({ kind, before, after }) => {
    const pairResult = (after ?? before) as PairResult;
    return row([
      kind,
      text(chainText(pairResult.kernels)),
      text(scenarioName(pairResult.scenario)),
      before === null ? '' : text(stateText(before)),
      after === null ? '' : text(stateText(after)),
    ]);
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

function rows(pairResults: readonly PairResult[]): string[] {
  const shown = pairResults
    .slice(0, MAX_ROWS)
    .map((pairResult) =>
      row(
        [
          chainText(pairResult.kernels),
          scenarioName(pairResult.scenario),
          stateText(pairResult),
          expectedText(pairResult),
          titleOf(pairResult) ?? '',
        ].map(text),
      ),
    );
  return [...shown, ...more(pairResults.length)];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function more(count: number): string[] {
  return count > MAX_ROWS ? [`| | and ${count - MAX_ROWS} more | | | |`] : [];
}

/** Escapes text from anywhere, so that it is only text in Markdown and in HTML within it. */
function text(raw: string): string {
  return printable(raw, 300)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/[\\`*_[\]|~#!@]/g, (char) => `&#${char.charCodeAt(0)};`);
}
