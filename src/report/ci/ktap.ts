// SPDX-License-Identifier: Apache-2.0
// KTAP, version 1 (Documentation/dev-tools/ktap.rst of the kernel): a test a kernel pair, a subtest a scenario, below
// it the cases of upstream's own tests.
import type { Square } from '../../model/result/matrix.js';
import type { Night } from '../../store/matrix/night.js';
import { printable } from '../../util/text/escape.js';
import { groupBy } from '../../util/process/group.js';
import { chainText, expectedText, scenarioName, stateText, titleOf } from '../night/square.js';
import { casesOfSquare, type ResultOf, type SquareCase } from './cases.js';

/** Of what a case said. */
const MOST_ROWS = 20;

export function ktap(night: Night, resultOf: ResultOf): string {
  const chains = groupBy(night.squares, ({ kernels }) => chainText(kernels));
  const lines = ['KTAP version 1', `# ${name(night.id)}`, `1..${chains.size}`];
  for (const [at, [chain, squares]] of [...chains].entries()) {
    lines.push(
      '  KTAP version 1',
      `  # Subtest: ${name(chain)}`,
      `  1..${squares.length}`,
      ...squares.flatMap((square, index) => subtest(square, index + 1, casesOfSquare(square, resultOf))),
    );
    const ran = squares.some(({ state }) => state !== 'pending');
    const good = squares.every(({ asExpected, state }) => asExpected || state === 'pending');
    lines.push(`${good ? 'ok' : 'not ok'} ${at + 1} ${name(chain)}${ran ? '' : ' # SKIP not run'}`);
  }
  return `${lines.join('\n')}\n`;
}

function subtest(square: Square, number: number, cases: readonly SquareCase[]): string[] {
  const { state, asExpected } = square;
  const title = titleOf(square);
  const directive =
    state === 'pending'
      ? ' # SKIP not run'
      : asExpected
        ? ''
        : state === 'hang'
          ? ' # TIMEOUT'
          : state === 'infra'
            ? ' # ERROR the lab failed'
            : '';
  return [
    ...(cases.length === 0
      ? []
      : [
          '    KTAP version 1',
          `    # Subtest: ${name(scenarioName(square.scenario))}`,
          `    1..${cases.length}`,
          ...cases.flatMap((each, at) => caseLines(each, at + 1)),
        ]),
    ...(asExpected || state === 'pending'
      ? []
      : [
          `  # ${name(stateText(square))}, expected ${name(expectedText(square))}${title === null ? '' : `: ${name(title)}`}`,
        ]),
    `  ${asExpected || state === 'pending' ? 'ok' : 'not ok'} ${number} ${name(scenarioName(square.scenario))}${directive}`,
  ];
}

function caseLines({ label, state, of: { detail } }: SquareCase, number: number): string[] {
  const directive = state === 'skip' ? ' # SKIP' : state === 'xfail' ? ' # XFAIL as the update was to end' : '';
  return [
    ...detail
      .split('\n')
      .filter((row) => row !== '')
      .slice(0, MOST_ROWS)
      .map((row) => `    # ${name(row)}`),
    `    ${state === 'fail' ? 'not ok' : 'ok'} ${number} ${name(label)}${directive}`,
  ];
}

/** A hash would begin a directive. */
function name(text: string): string {
  return printable(text, 200).replaceAll('#', '_');
}
