// SPDX-License-Identifier: Apache-2.0
// Makes the tables of docs/mismatch.md and docs/accuracy.md from the runs of a corpus.
import { dirname } from 'node:path';
import type { Scenario } from '../../model/scenario/scenario.js';
import type { Conditions, Entry } from './journal.js';

export interface Labelled {
  /** Path below the folder of all scenarios. */
  name: string;
  path: string;
  digest: string;
  scenario: Scenario;
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/** The component is the only tag that is not one of the general ones. */
function componentOf({ scenario }: Labelled): string {
  return scenario.tags.find((tag) => !['mismatch', 'fast', 'fault', 'policy'].includes(tag)) ?? '–';
}

/** Damage from outside cannot be predicted, unless it only changes a version. */
function isPredictable({ scenario }: Labelled): boolean {
  return scenario.steps.every(
    (step) =>
      step.op !== 'fault' ||
      step.fault.kind === 'replace' ||
      (step.fault.kind === 'change' &&
        step.fault.change.how === 'text' &&
        'field' in step.fault.place &&
        ['version', 'compatible'].includes(step.fault.place.field)),
  );
}

function byFolder(all: readonly Labelled[], table: (part: readonly Labelled[]) => string[]): string[] {
  const folders = new Set(all.map(({ name }) => dirname(name)));
  return [...folders].flatMap((folder) => [
    '',
    `## ${folder}`,
    '',
    ...table(all.filter(({ name }) => dirname(name) === folder)),
  ]);
}

/** The outcome of each scenario in its first run. */
export function outcomeTables(all: readonly Labelled[], runs: readonly Entry[]): string[] {
  return byFolder(all, (part) => [
    '| scenario | what goes wrong | outcome |',
    '|---|---|---|',
    ...part.map((each) => {
      const { name, description } = each.scenario;
      const run = runs.find((entry) => entry.name === each.name);
      const outcome = run === undefined ? 'not run' : outcomeCell(each, run);
      return `| ${cell(name)} | ${componentOf(each)}: ${cell(description)} | ${outcome} |`;
    }),
  ]);
}

function outcomeCell(each: Labelled, run: Entry): string {
  const { expect } = each.scenario;
  const unexpected = run.asExpected ? '' : `, expected ${expect.outcome}`;
  if (!isPredictable(each)) return `${run.outcome}${unexpected}`;
  const prediction = run.predicted === run.outcome ? 'as predicted' : `predicted ${run.predicted ?? 'not known'}`;
  return `${run.outcome}${unexpected}, ${prediction}`;
}

/** How often each scenario ended as its label says. */
export function accuracyTables(all: readonly Labelled[], runs: readonly Entry[]): string[] {
  const head = ['| scenario | labelled | right |', '|---|---|---|'];
  return byFolder(all, (part) => [
    ...head,
    ...part.map(({ name, scenario }) => {
      const ofScenario = runs.filter((entry) => entry.name === name);
      const right = ofScenario.filter(({ asExpected }) => asExpected).length;
      const seconds = mean(ofScenario.map((entry) => entry.seconds)).toFixed(1);
      const verdicts = verdictsOf(ofScenario);
      const different = verdicts > 1 ? `, ${verdicts} different verdicts` : '';
      const figures = `${right} of ${ofScenario.length}${different}; ${seconds} s`;
      return `| ${cell(scenario.name)} | ${scenario.expect.outcome} | ${figures} |`;
    }),
  ]);
}

const verdictsOf = (runs: readonly Entry[]) => new Set(runs.map(({ outcome, endsIn }) => `${outcome} ${endsIn}`)).size;

/** One line for the runs under one set of conditions. */
export function summaryRow(
  all: readonly Labelled[],
  { load, icount, start }: Conditions,
  runs: readonly Entry[],
): string {
  const rounds = all.map(({ name }) => runs.filter((entry) => entry.name === name).length);
  const different = all.filter(({ name }) => verdictsOf(runs.filter((entry) => entry.name === name)) > 1).length;
  const infra = runs.filter(({ outcome }) => outcome === 'infra').length;
  const right = runs.filter(({ asExpected }) => asExpected).length;
  const seconds = mean(runs.map(({ runSeconds }) => runSeconds)).toFixed(1);
  return (
    `| load ${load}, icount ${icount ? 'on' : 'off'}, ${start}, ` +
    `${Math.min(...rounds)} to ${Math.max(...rounds)} rounds ` +
    `| ${right} of ${runs.length} ` +
    `| ${different} with two verdicts, ${infra} infra, ${seconds} s a run |`
  );
}

export const SUMMARY_HEAD = [
  '| conditions | verdicts right | scenarios with two verdicts, infra, mean time |',
  '|---|---|---|',
];

/** How many predictions were right, and which scenarios had a wrong one. */
export function predictionLine(all: readonly Labelled[], runs: readonly Entry[]): string {
  const predictable = all.filter(isPredictable);
  const wrong = predictable.filter(({ name }) =>
    runs.some((run) => run.name === name && !(run.hit ?? run.predicted === run.outcome)),
  );
  const names = wrong.map(({ scenario }) => scenario.name).join(', ');
  const right = predictable.length - wrong.length;
  const exceptions = names === '' ? '' : `; not: ${names}`;
  return `Predictions where one can be made: ${right} of ${predictable.length} right${exceptions}.`;
}

/** Whether scenarios end the same from a snapshot and from a boot, and how long they take. */
export function warmAndColdLines(all: readonly Labelled[], runs: readonly Entry[]): string[] {
  const warm = runs.filter(({ rung }) => rung !== null);
  const cold = runs.filter(({ start }) => start === 'cold');
  const verdicts = (part: readonly Entry[], name: string) =>
    new Set(part.filter((run) => run.name === name).map(({ outcome, endsIn }) => `${outcome} ${endsIn}`));
  const both = all.filter(({ name }) => verdicts(warm, name).size > 0 && verdicts(cold, name).size > 0);
  const different = both.filter(({ name }) => new Set([...verdicts(warm, name), ...verdicts(cold, name)]).size > 1);
  const names = new Set(both.map(({ name }) => name));
  const seconds = (part: readonly Entry[]) =>
    mean(part.filter(({ name }) => names.has(name)).map((run) => run.seconds)).toFixed(1);
  const exceptions = different.length === 0 ? '' : `; not: ${different.map(({ name }) => name).join(', ')}`;
  return [
    `Scenarios that ran from snapshots: ${both.length} of ${all.length}. ` +
      `Verdicts equal to cold ones: ${both.length - different.length} of ${both.length}${exceptions}.`,
    `Whole process, these scenarios: ${seconds(warm)} s warm, ${seconds(cold)} s cold.`,
  ];
}
