// SPDX-License-Identifier: Apache-2.0
// One row a host: what was found there, as JSON and as a line of the table.
import { z } from 'zod';
import { OUTCOMES } from '../../model/result/outcome.js';
import { WITNESSES } from '../../model/result/witness.js';
import { USERS } from './host.js';
import { countsText, testsRow } from './tests.js';

/** Witnesses that no particular kernel is needed for. */
const OF_ANY_KERNEL = WITNESSES.filter((name) => name !== 'kmemleak');

const runRow = z.object({
  scenario: z.string(),
  /** Null if there was no result. */
  outcome: z.enum(OUTCOMES).nullable(),
  asExpected: z.boolean(),
  /** Witnesses that the verdict needed: those that looked, and those that did not. */
  looked: z.array(z.enum(WITNESSES)),
  blind: z.array(z.object({ witness: z.enum(WITNESSES), why: z.string() })),
  seconds: z.number(),
  /** The cause of an unexpected outcome, or the end of the lab's messages. */
  detail: z.string().nullable(),
});
export type RunRow = z.infer<typeof runRow>;

const commandRow = z.object({
  command: z.string(),
  ok: z.boolean(),
  seconds: z.number(),
  /** Null if the command runs no tests. */
  tests: testsRow.nullable(),
  detail: z.string(),
});
export type CommandRow = z.infer<typeof commandRow>;

export const hostRow = z.object({
  host: z.string(),
  suite: z.string(),
  user: z.enum(USERS),
  /** Versions that the host reports; null if it could not say. */
  qemu: z.string().nullable(),
  node: z.string().nullable(),
  npm: z.string().nullable(),
  accel: z.string().nullable(),
  /** The line that the lab told an unprivileged user to run; null if nothing was missing. */
  installLine: z.string().nullable(),
  readme: z.array(commandRow),
  runs: z.array(runRow),
  /** Why the host could not be measured. */
  failure: z.string().nullable(),
});
export type HostRow = z.infer<typeof hostRow>;

/** Every command worked, every scenario ended as expected, and no witness was blind. */
export function isGood({ failure, readme, runs }: HostRow): boolean {
  return failure === null && readme.every(({ ok }) => ok) && runs.every((run) => run.asExpected);
}

/** Witnesses that looked in at least one run. */
export function lookedIn(runs: readonly RunRow[]): string[] {
  return WITNESSES.filter((name) => runs.some(({ looked }) => looked.includes(name)));
}

const HEAD = ['| host | README and scenarios | witnesses that looked |', '|---|---|---|'];

/** Narrow enough for docs/hosts.md. */
export function tableOf(rows: readonly HostRow[]): string {
  return [...HEAD, ...rows.map(lineOf)].join('\n');
}

function lineOf(row: HostRow): string {
  const { host, qemu, accel, node, runs, readme, failure } = row;
  const looked = lookedIn(runs);
  const right = runs.filter(({ asExpected }) => asExpected).length;
  const commands = readme.map(commandText);
  const cells = [
    `${host}: QEMU ${qemu ?? 'unknown'}${accel === null ? '' : ` (${accel})`}, Node ${node ?? 'unknown'}`,
    [...commands, failure ?? `${right} of ${runs.length} scenarios correct`].join(', '),
    OF_ANY_KERNEL.every((name) => looked.includes(name)) ? `all ${looked.length}` : looked.join(', ') || 'none',
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '/').replaceAll('\n', ' ')).join(' | ')} |`;
}

function commandText({ ok, seconds, tests }: CommandRow): string {
  const time = `(${seconds.toFixed(0)} s)`;
  return tests === null ? `README ${ok ? 'works' : 'FAILED'} ${time}` : `${countsText(tests)} ${time}`;
}

/** What went wrong, one line each. */
export function complaintsOf({ host, failure, readme, runs }: HostRow): string[] {
  return [
    ...(failure === null ? [] : [failure]),
    ...readme
      .filter(({ ok }) => !ok)
      .flatMap(({ command, detail, tests }) => [
        `${command}: ${detail}`,
        ...(tests?.failures ?? []).map((name) => `failed: ${name}`),
      ]),
    ...runs
      .filter(({ asExpected }) => !asExpected)
      .map(({ scenario, outcome, detail }) => `${scenario}: ${outcome ?? 'no result'}: ${detail ?? ''}`),
    // A lost or leaked file cannot be looked at from inside: there, a blind witness is no fault.
    ...runs
      .filter(({ asExpected }) => !asExpected)
      .flatMap(({ scenario, blind }) => blind.map(({ witness, why }) => `${scenario}: ${witness} was blind: ${why}`)),
  ].map((text) => `${host}: ${text}`);
}
