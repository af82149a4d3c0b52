// SPDX-License-Identifier: Apache-2.0
// KTAP, version 1 (Documentation/dev-tools/ktap.rst of the kernel): a test a kernel pair, a subtest a scenario.
import type { Square } from '../../model/matrix.js';
import type { Night } from '../../store/night.js';
import { printable } from '../../util/escape.js';
import { expectedText, scenarioName, stateText, titleOf } from '../square.js';
import { byChain } from './junit.js';

export function ktap(night: Night): string {
  const chains = byChain(night.squares);
  const lines = ['KTAP version 1', `# ${name(night.id)}`, `1..${chains.size}`];
  for (const [at, [chain, squares]] of [...chains].entries()) {
    lines.push('  KTAP version 1', `  # Subtest: ${name(chain)}`, `  1..${squares.length}`, ...squares.flatMap((square, index) => subtest(square, index + 1)));
    const ran = squares.some(({ state }) => state !== 'pending');
    const good = squares.every(({ asExpected, state }) => asExpected || state === 'pending');
    lines.push(`${good ? 'ok' : 'not ok'} ${at + 1} ${name(chain)}${ran ? '' : ' # SKIP not run'}`);
  }
  return `${lines.join('\n')}\n`;
}

function subtest(square: Square, number: number): string[] {
  const { state, asExpected } = square;
  const title = titleOf(square);
  const directive = state === 'pending' ? ' # SKIP not run' : asExpected ? '' : state === 'hang' ? ' # TIMEOUT' : state === 'infra' ? ' # ERROR the lab failed' : '';
  return [
    ...(asExpected || state === 'pending' ? [] : [`  # ${name(stateText(square))}, expected ${name(expectedText(square))}${title === null ? '' : `: ${name(title)}`}`]),
    `  ${asExpected || state === 'pending' ? 'ok' : 'not ok'} ${number} ${name(scenarioName(square.scenario))}${directive}`,
  ];
}

/** A hash would begin a directive. */
function name(text: string): string {
  return printable(text, 200).replaceAll('#', '_');
}
