// SPDX-License-Identifier: Apache-2.0
// The history, for a terminal.
import type { Bug, RunRow } from '../../store/history/index.js';
import { printable } from '../../util/text/escape.js';
import { coloursFor, paint, seconds } from './style.js';
import { dateText } from './time.js';

const MAX_ROWS = 40;

export function bugsText(bugs: readonly Bug[], stream: { isTTY?: boolean }): string {
  if (bugs.length === 0) return 'no failures\n';
  const lines = bugs.slice(0, MAX_ROWS).flatMap((bug) => [...bugHead(bug, stream), '']);
  const others = bugs.length - MAX_ROWS;
  const more = others > 0 ? ['', `and ${others} more: lab history --json has all`] : [];
  return `${[...lines.slice(0, -1), ...more].join('\n')}\n`;
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
  const pairsText =
    pairs.length === 1 && firstPair !== undefined ? printable(firstPair.chain) : `${pairs.length} pairs`;
  const scenariosText = scenarios.length === 1 ? printable(scenarios[0] ?? '') : `${scenarios.length} scenarios`;
  return [
    `${outcomes.map((outcome) => paint(outcome, outcome, colours)).join(', ')}  ${colours.bold(printable(title, 300))}`,
    `    ${state}; ${runs} ${runs === 1 ? 'run' : 'runs'}, ${unexpected} unexpected, ` +
      `${Math.round(rate * 100)} % of the runs there`,
    `    ${dateText(first.at)} to ${dateText(last.at)}; ${pairsText}; ${scenariosText}`,
  ];
}

export function bugText(bug: Bug, runs: readonly RunRow[], stream: { isTTY?: boolean }): string {
  const lines = [
    ...bugHead(bug, stream),
    '',
    '  pairs',
    ...bug.pairs
      .slice(0, MAX_ROWS)
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
  const rows = runs.map(({ name, outcome, asExpected, expected, started, ms, title }) => {
    const unexpected = asExpected ? '' : `${colours.red(`not ${expected}`)}  `;
    const verdict = `${paint(outcome, outcome.padEnd(9), colours)}  ${unexpected}`;
    const titleRow = title === null ? '' : `\n${' '.repeat(22)}${printable(title, 200)}`;
    return `    ${dateText(started)}  ${verdict}${seconds(ms)}  ${printable(name)}${titleRow}`;
  });
  return rows.length === 0 ? 'no runs\n' : `${rows.join('\n')}\n`;
}
