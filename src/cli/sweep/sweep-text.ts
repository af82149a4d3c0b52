// SPDX-License-Identifier: Apache-2.0
// What a sweep found, as a table.
import type { Sweep } from '../../repro/sweep.js';
import { table } from '../text/table.js';

const HEAD = ['ALLOCATION', 'THE STEP ANSWERED', 'OUTCOME', 'WHY'];
/** Characters. */
const MAX_TITLE = 100;

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
    title?.slice(0, MAX_TITLE) ?? '',
  ]);
  const wrong = runs.filter(({ asExpected }) => !asExpected).length;
  const total =
    allocations === null
      ? `${step} may make more allocations: --first ${first + runs.length} continues`
      : `${step} makes ${allocations} allocations`;
  return [
    `${scenario}: each allocation of ${step}${which === 1 ? '' : ` (number ${which})`} fails once`,
    '',
    ...(runs.length > 0 ? [table(HEAD, rows)] : []),
    `${total}; ${wrong} of ${runs.length} runs ended otherwise than expected`,
    '',
  ].join('\n');
}
