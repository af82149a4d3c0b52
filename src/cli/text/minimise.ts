// SPDX-License-Identifier: Apache-2.0
// The report of `lab minimise`: as text for people, and as JSON for scripts.
import { relative } from 'node:path';
import type { Scenario } from '../../model/scenario/scenario.js';
import { bytes, seconds } from '../../report/text/style.js';
import { type Rate, rateText } from '../../repro/rerun/confidence.js';
import { printable } from '../../util/text/escape.js';
import type { Minimised } from '../../repro/minimise/minimise.js';
import { table } from './table.js';

export interface MinimiseReport {
  failure: string;
  /** How often the original scenario fails. */
  before: Rate;
  /** How often the smallest one fails. */
  after: Rate;
  /** Runs of each candidate. */
  runsEach: number;
  minimised: Minimised;
  /** Machines that were started for candidates. */
  machines: number;
  /** Candidates that an earlier search had answered. */
  earlier: number;
  ms: number;
  /** Path of the smallest scenario. */
  output: string;
  /** Folder of the one run of the smallest scenario that was kept. */
  run: string;
}

/** Scripts read this. There the required parts are called `matters`. */
export function minimiseJson({ minimised, ...rest }: MinimiseReport): object {
  const { data, required, done, refused } = minimised;
  const { failure, before, after, runsEach, machines, ...others } = rest;
  return {
    failure,
    before,
    after,
    runsEach,
    minimised: { data, matters: required, done },
    machines,
    refused,
    ...others,
  };
}

/** The size of a scenario in a few words. */
export function sizeInWords(scenario: Scenario): string {
  const sizes = new Map(sizesOf(scenario));
  const counted = ['sessions', 'files', 'steps'].map((name) => `${sizes.get(name) ?? ''} ${name}`);
  return [...counted, sizes.get('memory') ?? ''].join(', ');
}

/** What can get smaller in a scenario. */
function sizesOf(scenario: Scenario): [string, string][] {
  const count = (...ops: string[]) =>
    String(
      new Set(
        scenario.steps.flatMap((step) => (ops.includes(step.op) && step.epoch === 0 ? [JSON.stringify(step)] : [])),
      ).size,
    );
  // A name may be refused, so the same session may be created twice.
  const sessions = new Set(
    scenario.steps.flatMap((step) => (step.op === 'create' && step.epoch === 0 ? [step.session] : [])),
  );
  const carried = scenario.steps.flatMap((step) =>
    step.op === 'memfd' ? [step.memfd.size] : step.op === 'object' ? [step.object.size] : [],
  );
  return [
    ['sessions', String(sessions.size)],
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

export function minimiseText(report: MinimiseReport, before: Scenario, after: Scenario): string {
  const smallest = new Map(sizesOf(after));
  const changed = sizesOf(before).filter(([name, value]) => smallest.get(name) !== value);
  const rows = changed.map(([name, value]) => [name, value, smallest.get(name) ?? '']);
  const { minimised, machines, earlier, runsEach } = report;
  const { refused } = minimised;
  const lines = [
    printable(report.failure),
    '',
    rows.length === 0 ? 'nothing can be removed' : table(['', 'original', 'smallest'], rows).trimEnd(),
    '',
    ...(minimised.required.length === 0
      ? []
      : [
          'required parts, and what happens without each',
          ...minimised.required.map(({ what, without }) => `  ${printable(what)}\n      ${printable(without, 300)}`),
          '',
        ]),
    `original  fails in this way in ${rateText(report.before)}`,
    `smallest  fails in this way in ${rateText(report.after)}`,
    `${seconds(report.ms)}, ${machines} machines for candidates, ${refused} candidates that are not valid scenarios; ` +
      (earlier === 0 ? '' : `${earlier} candidates were answered before; `) +
      (runsEach === 1 ? 'each candidate ran once' : `each candidate ran up to ${runsEach} times`),
    ...(minimised.done ? [] : ['the time limit came first: a larger --limit may find a smaller scenario']),
    ...(report.after.seen === 0
      ? [
          'the smallest scenario did not fail when it ran again, so the failure is rare: ' +
            'try a larger --times and --confidence',
        ]
      : []),
    '',
    `${relative('.', report.output)}`,
    `${relative('.', report.run)}`,
  ];
  return `${lines.join('\n')}\n`;
}
