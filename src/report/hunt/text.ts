// SPDX-License-Identifier: Apache-2.0
// The outcome of a hunt, for a terminal, and its exit status.
import { join } from 'node:path';
import type { FindingState, HuntFinding, HuntReport } from '../../model/hunt/hunt.js';
import { printable } from '../../util/text/escape.js';
import { seconds } from '../text/style.js';

const MAX_ROWS = 40;

/** How many machines started where, and how many an hour one machine at a time makes. */
export function rungRows({ rungs, spent }: Pick<HuntReport, 'rungs' | 'spent'>): RungRow[] {
  return Object.entries(rungs)
    .sort(([, a], [, b]) => b - a)
    .map(([rung, count]) => ({ rung, count, pace: hourly(count, spent[rung] ?? 0) }));
}

export interface RungRow {
  rung: string;
  count: number;
  /** Executions an hour with one machine; 0 if not known. */
  pace: number;
}

export function huntText(report: HuntReport): string {
  const { counts, findings, out, end } = report;
  const confirmed = inState(findings, 'confirmed');
  const open = inState(findings, 'found');
  const known = inState(findings, 'known');
  const row = (mark: string, { outcome, title }: HuntFinding, more: string) =>
    `${mark.padEnd(9)}${outcome}: ${printable(title, 200)}  ${printable(more, 400)}`;
  return [
    huntLine(report),
    ...Object.entries(counts)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([what, count]) => `  ${String(count).padStart(8)}  ${printable(what, 80)}`),
    ...rungRows(report).map(
      ({ rung, count, pace }) =>
        `  ${String(count).padStart(8)}  from ${printable(rung, 80)}${pace === 0 ? '' : `: ${pace} an hour a machine`}`,
    ),
    ...confirmed.slice(0, MAX_ROWS).map((each) => row('FINDING', each, join(out, each.name))),
    ...more(confirmed),
    ...open.slice(0, MAX_ROWS).map((each) => row('open', each, 'not confirmed yet: the same command does it first')),
    ...more(open),
    ...known.slice(0, MAX_ROWS).map((each) => row('known', each, each.reference ?? '')),
    ...more(known),
    `${inState(findings, 'not reproduced').length} not reproduced, so not shown`,
    ...(end?.kind === 'stopped' ? [`stopped: ${printable(end.why, 400)}`] : []),
    '',
  ].join('\n');
}

function more(findings: readonly HuntFinding[]): string[] {
  return findings.length > MAX_ROWS ? [`and ${findings.length - MAX_ROWS} more`] : [];
}

/** A hunt in one line. */
export function huntLine({ executions, ms, curve, corpus, findings }: HuntReport): string {
  return (
    `${executions} inputs in ${seconds(ms)}, ${hourly(executions, ms)} an hour; ` +
    `reached ${curve.at(-1)?.reached ?? 0}; corpus ${corpus}; ${findingsText(findings)}`
  );
}

export function findingsText(findings: readonly HuntFinding[]): string {
  const count = inState(findings, 'confirmed').length;
  return `${count} ${count === 1 ? 'finding' : 'findings'}`;
}

export function inState(findings: readonly HuntFinding[], wanted: FindingState): HuntFinding[] {
  return findings.filter(({ state }) => state === wanted);
}

/** Executions an hour; 0 if no time has passed. */
export function hourly(executions: number, ms: number): number {
  return ms <= 0 ? 0 : Math.round((executions * 3_600_000) / ms);
}

/** The exit status is a contract: 1 a new finding; 3 the lab failed, or could not decide a finding. */
export function huntStatus({ findings, end }: Pick<HuntReport, 'findings' | 'end'>): 0 | 1 | 3 {
  if (findings.some(({ state, fresh }) => state === 'confirmed' && fresh)) return 1;
  if (end === null || (end.kind === 'stopped' && end.infra)) return 3;
  return inState(findings, 'found').length > 0 ? 3 : 0;
}
