// SPDX-License-Identifier: Apache-2.0
// What minimising came to, for people.
import { relative } from 'node:path';
import type { Scenario } from '../../model/scenario/scenario.js';
import { bytes, seconds } from '../../report/text/style.js';
import { rateText } from '../../repro/rerun/confidence.js';
import { printable } from '../../util/text/escape.js';
import type { MinimiseReport } from '../commands/minimise.js';
import { table } from './table.js';

/** Sizes of a scenario, each with its name. */
function sizesOf(scenario: Scenario): [string, string][] {
  const count = (...ops: string[]) =>
    String(
      new Set(
        scenario.steps.flatMap((step) => (ops.includes(step.op) && step.epoch === 0 ? [JSON.stringify(step)] : [])),
      ).size,
    );
  const carried = scenario.steps.flatMap((step) =>
    step.op === 'memfd' ? [step.memfd.size] : step.op === 'object' ? [step.object.size] : [],
  );
  return [
    ['sessions', count('create')],
    ['files', count('memfd', 'object')],
    ['their bytes', bytes(carried.reduce((sum, size) => sum + size, 0))],
    ['guests', count('guest-create')],
    ['devices', String(scenario.hardware.devices.length)],
    ['faults', String(scenario.steps.filter(({ op }) => op === 'fault').length)],
    ['steps', String(scenario.steps.length)],
    ['kernels', String(scenario.kernels.length)],
    ['reserved memory', String(scenario.reserveMem.length)],
    ['memory', bytes(scenario.machine.memory)],
    ['vCPUs', String(scenario.machine.cpus)],
    ['kernel command line', `${scenario.cmdlines.join(' ').split(/\s+/).filter(Boolean).length} words`],
  ];
}

export function minimisedText(report: MinimiseReport, before: Scenario, after: Scenario): string {
  const left = new Map(sizesOf(after));
  const changed = sizesOf(before).filter(([name, value]) => left.get(name) !== value);
  const rows = changed.map(([name, value]) => [name, value, left.get(name) ?? '']);
  const { minimised, machines, refused, runsEach } = report;
  const lines = [
    printable(report.failure),
    '',
    rows.length === 0 ? 'nothing in it can go' : table(['', 'given', 'smallest'], rows).trimEnd(),
    '',
    ...(minimised.matters.length === 0
      ? []
      : [
          'what matters, and what is seen without it',
          ...minimised.matters.map(({ what, without }) => `  ${printable(what)}\n      ${printable(without, 300)}`),
          '',
        ]),
    `given     fails in this way in ${rateText(report.before)}`,
    `smallest  fails in this way in ${rateText(report.after)}`,
    `${seconds(report.ms)}, ${machines} machines for candidates, ${refused} candidates that are no scenario; ${runsEach === 1 ? 'each candidate once' : `up to ${runsEach} runs a candidate`}`,
    ...(minimised.done ? [] : ['the time was up before all was tried: a larger --limit may find a smaller one']),
    ...(report.after.seen === 0
      ? [
          'the smallest did not fail when it was run again: the failure shows seldom; try a larger --times and --confidence',
        ]
      : []),
    '',
    `${relative('.', report.output)}`,
    `${relative('.', report.run)}`,
  ];
  return `${lines.join('\n')}\n`;
}
