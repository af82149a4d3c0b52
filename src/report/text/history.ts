// SPDX-License-Identifier: Apache-2.0
// The history for a terminal.
import type { Bug, RunRow } from '../../store/history/index.js';
import { printable } from '../../util/text/escape.js';
import { coloursFor, paint, seconds } from './style.js';
import { dateText } from '../time.js';

const MOST = 40;

export function bugsText(bugs: readonly Bug[], stream: { isTTY?: boolean }): string {
  if (bugs.length === 0) return 'no failures\n';
  const lines = bugs.slice(0, MOST).flatMap((bug) => [...bugHead(bug, stream), '']);
  return `${[...lines.slice(0, -1), ...(bugs.length > MOST ? ['', `and ${bugs.length - MOST} more: lab history --json has all`] : [])].join('\n')}\n`;
}

function bugHead(
  { title, outcomes, runs, unexpected, first, last, pairs, scenarios, rate, fixed }: Bug,
  stream: { isTTY?: boolean },
): string[] {
  const colours = coloursFor(stream);
  const state =
    fixed === null
      ? unexpected > 0
        ? colours.red('open')
        : 'open, expected'
      : colours.green(`gone since ${dateText(fixed)}`);
  const [firstPair] = pairs;
  return [
    `${outcomes.map((outcome) => paint(outcome, outcome, colours)).join(', ')}  ${colours.bold(printable(title, 300))}`,
    `    ${state}; ${runs} ${runs === 1 ? 'run' : 'runs'}, ${unexpected} unexpected, ${Math.round(rate * 100)} % of the runs there`,
    `    ${dateText(first.at)} to ${dateText(last.at)}; ${pairs.length === 1 && firstPair !== undefined ? printable(firstPair.chain) : `${pairs.length} pairs`}; ${scenarios.length === 1 ? printable(scenarios[0] ?? '') : `${scenarios.length} scenarios`}`,
  ];
}

export function bugText(bug: Bug, runs: readonly RunRow[], stream: { isTTY?: boolean }): string {
  const lines = [
    ...bugHead(bug, stream),
    '',
    '  pairs',
    ...bug.pairs
      .slice(0, MOST)
      .map(
        ({ chain, runs: count, first, last }) =>
          `    ${printable(chain)}  ${count} ${count === 1 ? 'run' : 'runs'}, ${dateText(first)} to ${dateText(last)}`,
      ),
    '',
    `  scenarios   ${printable(bug.scenarios.join(', '), 1000)}`,
    `  first seen  ${printable(bug.first.run)}`,
    `  last seen   ${printable(bug.last.run)}`,
    '',
    '  newest runs',
    runsText(runs, stream).trimEnd(),
  ];
  return `${lines.join('\n')}\n`;
}

export function runsText(runs: readonly RunRow[], stream: { isTTY?: boolean }): string {
  const colours = coloursFor(stream);
  const rows = runs.map(
    ({ name, outcome, asExpected, expected, started, ms, title }) =>
      `    ${dateText(started)}  ${paint(outcome, outcome.padEnd(9), colours)}  ${asExpected ? '' : `${colours.red(`not ${expected}`)}  `}${seconds(ms)}  ${printable(name)}${title === null ? '' : `\n${' '.repeat(22)}${printable(title, 200)}`}`,
  );
  return rows.length === 0 ? 'no runs\n' : `${rows.join('\n')}\n`;
}
