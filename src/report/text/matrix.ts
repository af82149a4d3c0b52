// SPDX-License-Identifier: Apache-2.0
// The outcome of a matrix, for a terminal.
import type { Matrix, PairResult } from '../../model/result/matrix.js';
import { OUTCOMES } from '../../model/result/outcome.js';
import { printable } from '../../util/text/escape.js';
import { newKernelLines } from '../night/new-kernels.js';
import { cellText } from '../night/pair-result.js';
import { coloursFor, paint } from './style.js';

const MAX_ROWS = 40;

export function matrixText(
  matrix: Matrix,
  pairResults: readonly PairResult[],
  { folder, newKernels = [] }: { folder: string; newKernels?: readonly string[] },
  stream: { isTTY?: boolean },
): string {
  const colours = coloursFor(stream);
  const count = (state: PairResult['state']) => pairResults.filter((pairResult) => pairResult.state === state).length;
  const parts = [
    ...OUTCOMES.filter((outcome) => count(outcome) > 0).map((outcome) =>
      paint(outcome, `${count(outcome)} ${outcome}`, colours),
    ),
    ...(count('flaky') > 0 ? [colours.yellow(`${count('flaky')} flaky`)] : []),
    ...(count('pending') > 0 ? [`${count('pending')} not run`] : []),
  ];
  const bad = pairResults.filter(({ asExpected, state }) => !asExpected && state !== 'pending');
  const lines = [
    `${matrix.cells.length} cells, ${pairResults.length} pair results: ${parts.join(', ')}`,
    ...newKernelLines(newKernels),
  ];
  lines.push(
    bad.length === 0
      ? count('pending') === 0
        ? 'all as expected'
        : 'everything that ran is as expected'
      : colours.red(`${bad.length} not as expected`),
  );
  for (const pairResult of bad.slice(0, MAX_ROWS)) lines.push(`  ${pairResultText(pairResult)}`);
  if (bad.length > MAX_ROWS) lines.push(`  and ${bad.length - MAX_ROWS} more`);
  return `${lines.join('\n')}\n\n  ${printable(folder, 500)}\n`;
}

function pairResultText({ state, scenario, kernels, rates, attempts, expected, endsIn }: PairResult): string {
  const name = cellText({ scenario, kernels, repeat: 1 });
  const title = attempts.find(({ asExpected, title: each }) => !asExpected && each !== null)?.title ?? '';
  const rate = rates
    .map(
      ({ outcome, endsIn: end, count }) =>
        `${outcome}${end === 'none' ? '' : ` (${end})`} ${count} of ${attempts.length}`,
    )
    .join(', ');
  const what =
    state === 'flaky'
      ? `FLAKY: ${rate}`
      : `${state.toUpperCase()}${endsIn === null || endsIn === 'none' ? '' : ` (${endsIn})`}`;
  const titleText = title === '' ? '' : `  ${printable(title, 160)}`;
  return `${name}  ${what}  expected ${expected.outcome} (${expected.source})${titleText}`;
}

/** The exit status is a contract: 0 all as expected; 1 something was not; 3 only the lab itself failed. */
export function matrixStatus(pairResults: readonly PairResult[]): 0 | 1 | 3 {
  if (pairResults.some(({ asExpected, state }) => !asExpected && state !== 'infra' && state !== 'pending')) return 1;
  return pairResults.some(({ state }) => state === 'infra' || state === 'pending') ? 3 : 0;
}
