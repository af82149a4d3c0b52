// SPDX-License-Identifier: Apache-2.0
// A night, for a terminal: the verdict, then everything that did not end as expected.
import type { NightlyReport } from '../../store/matrix/nightly-report.js';
import { printable } from '../../util/text/escape.js';
import { nightHuntLines, nightVerdict } from '../hunt/night.js';
import { countsOf, countsText } from '../night/counts.js';
import { newKernelLines } from '../night/new-kernels.js';
import { rerunCommand, chainText, expectedText, scenarioName, stateText, titleOf } from '../night/pair-result.js';
import { coloursFor } from './style.js';

const MAX_ROWS = 40;

export function nightText(night: NightlyReport, folder: string, stream: { isTTY?: boolean }): string {
  const colours = coloursFor(stream);
  const counts = countsOf(night.pairResults);
  const verdict = nightVerdict(night);
  const bad = night.pairResults.filter(({ asExpected, state }) => !asExpected && state !== 'pending');
  const lines = [
    verdict.failed ? colours.red(verdict.text) : colours.green(verdict.text),
    '',
    `  ${countsText(counts)}`,
    ...newKernelLines(night.newKernels).map((line) => `  ${line}`),
    ...nightHuntLines(night.hunt).map((line) => `  ${line}`),
    ...night.notes.map((note) => `  ${colours.yellow(printable(note, 300))}`),
  ];
  for (const pairResult of bad.slice(0, MAX_ROWS)) {
    const title = titleOf(pairResult);
    lines.push(
      '',
      `  ${colours.bold(printable(chainText(pairResult.kernels)))}  ${printable(scenarioName(pairResult.scenario))}  ` +
        `${stateText(pairResult)}, expected ${expectedText(pairResult)}`,
    );
    if (title !== null) lines.push(`      ${printable(title, 300)}`);
    lines.push(`      ${printable(rerunCommand(pairResult), 400)}`);
  }
  if (bad.length > MAX_ROWS) lines.push('', `  and ${bad.length - MAX_ROWS} more`);
  return `${lines.join('\n')}\n\n  ${folder}\n`;
}
