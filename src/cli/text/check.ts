// SPDX-License-Identifier: Apache-2.0
// The report of `lab check` as text: one line for each component, then the prediction for each direction.
import type { ComponentCheck, ComponentComparison, DirectionCheck } from '../../compat/index.js';
import type { ComponentVersions } from '../../model/kernel/component.js';
import { coloursFor, paint } from '../../report/text/style.js';
import { printable } from '../../util/text/escape.js';
import type { CheckReport, KernelOfCheck } from './check-report.js';
import { table } from './table.js';

type Stream = { isTTY?: boolean };

/** `v1-v3 v5`: ranges in short. */
function versionsShort(versions: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const version of versions.toSorted((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last?.[1] === version - 1) last[1] = version;
    else runs.push([version, version]);
  }
  return runs.map(([first, last]) => (first === last ? `v${first}` : `v${first}-v${last}`)).join(' ');
}

export function checkText(check: CheckReport, stream: Stream): string {
  const { from, to } = check;
  const colours = coloursFor(stream);
  const rows = check.components.map((each) => [
    each.component,
    cellText(each, 'from'),
    cellText(each, 'to'),
    comparisonText(each.update),
    comparisonText(each.rollback),
  ]);
  const colour = (text: string, row: number, column: number): string => {
    const component = check.components[row] as ComponentCheck;
    return column < 3 ? text : meetingColour(column === 3 ? component.update : component.rollback, colours)(text);
  };
  const scenarioName = check.scenario === null ? '' : `, ${printable(check.scenario.name)}`;
  const lines = [`${kernelText(from)} -> ${kernelText(to)}${scenarioName}\n`];
  for (const { name, cmdline } of [from, to])
    if (cmdline !== '') lines.push(`  ${printable(name)} with ${printable(cmdline, 300)}\n`);
  lines.push(
    '\n',
    rows.length === 0
      ? 'No component of the handover is known of either kernel.\n'
      : table(['COMPONENT', from.name, to.name, 'UPDATE', 'ROLLBACK'], rows, colour),
  );
  lines.push(
    '\n',
    directionText('update', `${from.name} -> ${to.name}`, check.update, stream),
    directionText('rollback', `${to.name} -> ${from.name}`, check.rollback, stream),
  );
  const { scenario } = check;
  if (scenario !== null && scenario.predicted !== check.update.outcome)
    lines.push(`run       ${printable(scenario.name)} as a whole: ${scenario.predicted ?? 'not known'}\n`);
  for (const note of new Set([...from.notes, ...to.notes])) {
    const names = [
      ...new Set([from, to].filter(({ notes }) => notes.includes(note)).map(({ name }) => printable(name, 300))),
    ];
    lines.push(`note: ${names.join(' and ')}: ${printable(note, 500)}\n`);
  }
  return lines.join('');
}

function kernelText({ name, release }: KernelOfCheck): string {
  return printable(release === null || release.startsWith(name) ? name : `${name} (${release})`, 300);
}

function cellText(check: ComponentCheck, side: 'from' | 'to'): string {
  return check[side] === null && check.update.state === 'unknown' ? 'not known' : versionsText(check[side]);
}

/**
 * `v4` if the kernel reads and writes only that; else what it reads, what it writes by default, and what it can write.
 */
export function versionsText(component: ComponentVersions | null): string {
  if (component === null) return '-';
  const { reads, writes, write, kind } = component;
  // The kernel has it, and its version is a number that the image does not show.
  if (kind !== undefined && reads.length === 0 && writes === null) return 'version not known';
  if (writes === null)
    return `reads ${versionsShort(reads) || 'none'}, writes ${write === null ? 'not known' : versionsShort([write])}`;
  if (reads.length === 1 && writes.length === 1 && reads[0] === writes[0]) return versionsShort(reads);
  const written =
    write === null
      ? versionsShort(writes) || 'none'
      : writes.length === 1
        ? versionsShort([write])
        : `${versionsShort([write])} of ${versionsShort(writes)}`;
  return `reads ${versionsShort(reads) || 'none'}, writes ${written}`;
}

function comparisonText({ state, wrote, highestCommon, set, endsIn, where, reads }: ComponentComparison): string {
  switch (state) {
    case 'match': {
      const common = (wrote ?? []).find((version) => reads.includes(version)) ?? highestCommon;
      const better =
        set !== null && highestCommon !== null && common !== null && highestCommon > common
          ? `; highest common v${highestCommon}, with ${set}`
          : '';
      return `ok, v${common}${better}`;
    }
    case 'mismatch':
      if (endsIn === 'none') return 'differs, does no harm';
      return `${endsIn}${where === null ? '' : ` in ${where}`}${set === null ? '' : `; v${highestCommon} with ${set}`}`;
    case 'none':
      return wrote?.length === 0 ? (reads.length === 0 ? '-' : 'not written') : 'not read, does no harm';
    case 'unreached':
      return 'not reached';
    case 'unjudged':
      return 'differs; not known';
    case 'unknown':
      return 'not known';
  }
}

function meetingColour(
  { state, endsIn }: ComponentComparison,
  colours: ReturnType<typeof coloursFor>,
): (text: string) => string {
  if (state === 'match') return colours.green;
  if (state === 'mismatch' && endsIn !== 'none') return endsIn === 'leak' ? colours.yellow : colours.red;
  return state === 'unknown' || state === 'unjudged' ? colours.magenta : colours.dim;
}

function directionText(
  title: string,
  kernels: string,
  { compatible, outcome, endsIn, where, carries, reasons, helps, memory }: DirectionCheck,
  stream: Stream,
): string {
  const colours = coloursFor(stream);
  const verdict =
    compatible === null || outcome === null
      ? colours.magenta('NOT KNOWN')
      : compatible
        ? colours.green('compatible')
        : `${paint(outcome, colours.bold('NOT COMPATIBLE'), colours)}: ${outcome}` +
          (endsIn === 'none' || endsIn === outcome ? '' : `, ends in ${endsIn}`) +
          (where === null ? '' : `, in ${where}`);
  const lines = [
    `${title.padEnd(8)}  ${printable(kernels, 300)}: ${verdict}\n`,
    `          carries ${carries.join(', ') || 'nothing'}\n`,
  ];
  if (memory !== null && !reasons.some((reason) => reason.includes(memory)))
    lines.push(`          ${printable(memory, 300)}\n`);
  if (compatible !== true) for (const reason of reasons) lines.push(`          ${printable(reason, 500)}\n`);
  if (helps !== null)
    lines.push(
      `          ${colours.green('compatible')} with ${helps} on ${printable(kernels.split(' -> ')[0] ?? '', 300)}\n`,
    );
  return lines.join('');
}
