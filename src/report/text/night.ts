// SPDX-License-Identifier: Apache-2.0
// A night for a terminal: the verdict, then what did not end as it should.
import type { Night } from '../../store/matrix/night.js';
import { printable } from '../../util/text/escape.js';
import { countsOf, countsText, verdictOfNight } from '../night/counts.js';
import { againCommand, chainText, expectedText, scenarioName, stateText, titleOf } from '../night/square.js';
import { coloursFor } from './style.js';

const MOST = 40;

export function nightText(night: Night, folder: string, stream: { isTTY?: boolean }): string {
  const colours = coloursFor(stream);
  const counts = countsOf(night.squares);
  const head = verdictOfNight(counts);
  const bad = night.squares.filter(({ asExpected, state }) => !asExpected && state !== 'pending');
  const lines = [
    counts.failed > 0 ? colours.red(head) : colours.green(head),
    '',
    `  ${countsText(counts)}`,
    ...night.notes.map((note) => `  ${colours.yellow(printable(note, 300))}`),
  ];
  for (const square of bad.slice(0, MOST)) {
    const title = titleOf(square);
    lines.push(
      '',
      `  ${colours.bold(printable(chainText(square.kernels)))}  ${printable(scenarioName(square.scenario))}  ${stateText(square)}, expected ${expectedText(square)}`,
    );
    if (title !== null) lines.push(`      ${printable(title, 300)}`);
    lines.push(`      ${printable(againCommand(square), 400)}`);
  }
  if (bad.length > MOST) lines.push('', `  and ${bad.length - MOST} more`);
  return `${lines.join('\n')}\n\n  ${folder}\n`;
}
