// SPDX-License-Identifier: Apache-2.0
// KTAP, version 1 (Documentation/dev-tools/ktap.rst of the kernel): one test for each kernel pair, one subtest for each
// scenario, and below it the cases of upstream's own tests.
import type { PairResult } from '../../model/result/matrix.js';
import type { NightlyReport } from '../../store/matrix/nightly-report.js';
import { printable } from '../../util/text/escape.js';
import { groupBy } from '../../util/process/group.js';
import { chainText, expectedText, scenarioName, stateText, titleOf } from '../night/pair-result.js';
import { casesOfPairResult, type ResultOf, type PairResultCase } from './cases.js';

/** Rows of the output of one case. */
const MAX_ROWS = 20;

export function ktap(night: NightlyReport, resultOf: ResultOf): string {
  const chains = groupBy(night.pairResults, ({ kernels }) => chainText(kernels));
  const lines = ['KTAP version 1', `# ${name(night.id)}`, `1..${chains.size}`];
  for (const [at, [chain, pairResults]] of [...chains].entries()) {
    lines.push(
      '  KTAP version 1',
      `  # Subtest: ${name(chain)}`,
      `  1..${pairResults.length}`,
      ...pairResults.flatMap((pairResult, index) =>
        subtest(pairResult, index + 1, casesOfPairResult(pairResult, resultOf)),
      ),
    );
    const ran = pairResults.some(({ state }) => state !== 'pending');
    const good = pairResults.every(({ asExpected, state }) => asExpected || state === 'pending');
    lines.push(`${good ? 'ok' : 'not ok'} ${at + 1} ${name(chain)}${ran ? '' : ' # SKIP not run'}`);
  }
  return `${lines.join('\n')}\n`;
}

function subtest(pairResult: PairResult, number: number, cases: readonly PairResultCase[]): string[] {
  const { state, asExpected } = pairResult;
  const title = titleOf(pairResult);
  const isOk = asExpected || state === 'pending';
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
          `    # Subtest: ${name(scenarioName(pairResult.scenario))}`,
          `    1..${cases.length}`,
          ...cases.flatMap((each, at) => caseLines(each, at + 1)),
        ]),
    ...(isOk
      ? []
      : [
          `  # ${name(stateText(pairResult))}, expected ${name(expectedText(pairResult))}` +
            (title === null ? '' : `: ${name(title)}`),
        ]),
    `  ${isOk ? 'ok' : 'not ok'} ${number} ${name(scenarioName(pairResult.scenario))}${directive}`,
  ];
}

function caseLines({ label, state, of: { detail } }: PairResultCase, number: number): string[] {
  const directive = state === 'skip' ? ' # SKIP' : state === 'xfail' ? ' # XFAIL as the update was to end' : '';
  return [
    ...detail
      .split('\n')
      .filter((row) => row !== '')
      .slice(0, MAX_ROWS)
      .map((row) => `    # ${name(row)}`),
    `    ${state === 'fail' ? 'not ok' : 'ok'} ${number} ${name(label)}${directive}`,
  ];
}

/** A `#` would start a directive. */
function name(text: string): string {
  return printable(text, 200).replaceAll('#', '_');
}
