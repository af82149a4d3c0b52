// SPDX-License-Identifier: Apache-2.0
// What a sweep found, as a table.
import type { Sweep } from '../../repro/sweep.js';
import { printable } from '../../util/text/escape.js';

export interface SweepReport extends Sweep {
  scenario: string;
  step: string;
  which: number;
  first: number;
}

export function sweepText({ scenario, step, which, first, runs, allocations }: SweepReport): string {
  const rows = runs.map(({ nth, answer, again, outcome, asExpected, title }) => [
    String(nth),
    again ? `ENOMEM, then ${answer ?? 'no answer'}` : (answer ?? 'no answer'),
    `${outcome}${asExpected ? '' : ' (not expected)'}`,
    printable(title ?? '', 100),
  ]);
  const table = [['allocation', 'the step answered', 'outcome', 'why'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const wrong = runs.filter(({ asExpected }) => !asExpected).length;
  const total =
    allocations === null
      ? `${step} may make more allocations: --first ${first + runs.length} continues`
      : `${step} makes ${allocations} allocations`;
  return [
    `${scenario}: each allocation of ${step}${which === 1 ? '' : ` (number ${which})`} fails once`,
    ...(runs.length > 0 ? ['', ...lines] : []),
    '',
    `${total}; ${wrong} of ${runs.length} runs ended otherwise than expected`,
    '',
  ].join('\n');
}
