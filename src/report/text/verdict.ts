// SPDX-License-Identifier: Apache-2.0
// The verdict of one run, for a terminal: the outcome, its evidence, and the path of the rest.
import { HARDWARE_COMPONENTS } from '../../model/kernel/component.js';
import { UNKNOWN_TO_LAB } from '../../model/result/incident.js';
import type { PredictionOfResult } from '../../model/result/prediction.js';
import type { Result, ResourceOfResult } from '../../model/result/result.js';
import { CASE_STATES } from '../../model/scenario/selftest.js';
import { WITNESSES } from '../../model/result/witness.js';
import { printable } from '../../util/text/escape.js';
import { guestsText } from './guests.js';
import { handedOverText } from './evidence/handed-over.js';
import { hardwareText } from './hardware.js';
import { impairedWords, recoveryProblems, recoveryWords } from './recovery.js';
import { bytes, coloursFor, paint, seconds } from './style.js';
import { phaseBar } from './phase-bar.js';
import { snapshotText } from './snapshot.js';
import { shortChain } from '../night/pair-result.js';

const MAX_ATTEMPTS = 12;
const MAX_FILES = 8;
const MAX_INCIDENTS = 8;
/** Milliseconds from which on a late event loop is worth a line. */
const LATE_MS = 1000;

export function verdictText(
  result: Result,
  folder: string | null,
  stream: { isTTY?: boolean; columns?: number },
): string {
  const colours = coloursFor(stream);
  const chain = printable(shortChain(result.kernels.map(({ name }) => name)));
  const expectation = result.asExpected
    ? 'as expected'
    : result.outcome === result.expected
      ? colours.red('expected, but a step failed')
      : colours.red(`expected ${result.expected}`);
  const ends = result.endsIn === 'none' ? '' : `, ends in ${colours.bold(result.endsIn)}`;
  const outcome = paint(result.outcome, colours.bold(result.outcome.toUpperCase()), colours);
  const total = seconds(result.durations['total'] ?? 0);
  const lines = [
    `${outcome}  ${printable(result.scenario.name)}  ${chain}  ${total}  (${expectation}${ends})`,
    '',
    ...phaseBar(result, stream.columns ?? 100),
    ...snapshotText(result.snapshot),
  ];
  if (result.cause !== null)
    lines.push('', `  cause     ${printable(result.cause.title, 300)}`, ...indented(result.cause.detail, 6));
  lines.push(
    ...attemptsText(result),
    ...guestsText(result, stream.columns ?? 100),
    ...filesText(result.resources),
    ...casesText(result.cases),
    ...hardwareText(result),
    ...memoryText(result),
    ...handedOverText(result.handedOver),
    ...witnessText(result),
    ...loopText(result),
    ...recoveryText(result),
    ...predictionText(result),
  );
  const unknown = result.incidents.filter(({ title }) => title === UNKNOWN_TO_LAB);
  for (const { detail } of unknown.slice(0, MAX_INCIDENTS))
    lines.push(`  unknown to the lab   ${printable(detail, 600)}`);
  const others = result.incidents.filter(
    (incident) => incident.title !== result.cause?.title && incident.title !== UNKNOWN_TO_LAB,
  );
  if (others.length > 0) {
    lines.push('', '  also seen');
    for (const incident of others.slice(0, MAX_INCIDENTS))
      lines.push(
        `    ${seconds(incident.t).padStart(7)}  ${incident.source.padEnd(8)} ${printable(incident.title, 300)}`,
      );
    if (others.length > MAX_INCIDENTS) lines.push(`    and ${others.length - MAX_INCIDENTS} more`);
  }
  // If the machine never came up, show the command line, so that the user can try it by hand.
  const neverUp = !result.timeline.some(({ what }) => what.startsWith('user space of '));
  if (neverUp && result.outcome !== 'infra')
    lines.push('', '  QEMU was started with:', ...indented(result.qemu.commandLine, 40));
  if (result.outcome === 'infra')
    lines.push(
      '',
      '  The lab failed, not a kernel. ' +
        (result.qemu.commandLine === '' ? 'QEMU was not started.' : 'QEMU was started with:'),
      ...indented(result.qemu.commandLine, 40),
    );
  if (folder !== null) lines.push('', `  ${folder}`);
  return `${lines.join('\n')}\n`;
}

/** Tells of a lab that was too busy with its own work to see what the machine did. */
function loopText({ lab: { loopDelay } }: Result): string[] {
  if (loopDelay === null || loopDelay.max < LATE_MS) return [];
  return [
    '',
    `  the lab   its own event loop was late by up to ${seconds(loopDelay.max)} (99 % of the time less than ` +
      `${seconds(loopDelay.p99)}); deadlines leave that time out`,
  ];
}

function indented(text: string, max: number): string[] {
  const rows = text.split('\n').filter((row) => row !== '');
  const shown = rows.slice(0, max).map((row) => `            ${printable(row, 300)}`);
  return rows.length > max ? [...shown, `            ... ${rows.length - max} more lines`] : shown;
}

/** Shown only if one kernel tried the update more than once. */
function attemptsText({ attempts }: Result): string[] {
  if (!attempts.some(({ attempt }) => attempt > 1)) return [];
  const lines = attempts.map(
    ({ epoch, attempt, state, why }) =>
      `epoch ${epoch}, attempt ${attempt}: ${state}${why === null ? '' : `, ${printable(why, 200)}`}`,
  );
  return [
    '',
    ...limited(lines, MAX_ATTEMPTS).map((line, at) => `${at === 0 ? '  attempts  ' : '            '}${line}`),
  ];
}

function limited(lines: readonly string[], max: number): string[] {
  return lines.length <= max ? [...lines] : [...lines.slice(0, max), `and ${lines.length - max} more`];
}

function filesText(resources: readonly ResourceOfResult[]): string[] {
  if (resources.length === 0) return [];
  const lines = ['', '  files'];
  const worst = [...resources].sort((a, b) => Number(a.state === 'intact') - Number(b.state === 'intact'));
  for (const file of worst.slice(0, MAX_FILES)) {
    const inside =
      file.inside === null
        ? file.kind.startsWith('guest-')
          ? 'paused'
          : 'not checked inside'
        : `inside ${file.inside.pages - file.inside.bad}/${file.inside.pages} pages`;
    const outside =
      file.outside === null ? '' : `, outside ${file.outside.pages - file.outside.different}/${file.outside.pages}`;
    const problem = file.problems.length > 0 ? `: ${file.problems[0]}` : '';
    const columns = [file.state.padEnd(8), printable(file.name, 40).padEnd(14), bytes(file.size).padStart(8)].join(' ');
    lines.push(`    ${columns}  ${inside}${outside}${printable(problem, 200)}`);
  }
  if (worst.length > MAX_FILES) {
    const rest = worst.slice(MAX_FILES);
    lines.push(`    and ${rest.length} more, of which ${rest.filter(({ state }) => state === 'intact').length} intact`);
  }
  return lines;
}

function casesText(cases: Result['cases']): string[] {
  if (cases.length === 0) return [];
  const lines = ['', '  kselftest'];
  for (const epoch of new Set(cases.map((each) => each.epoch))) {
    const ofEpoch = cases.filter((each) => each.epoch === epoch);
    const counts = CASE_STATES.flatMap((state) => {
      const n = ofEpoch.filter((each) => each.state === state).length;
      return n === 0 ? [] : [`${n} ${state}`];
    });
    lines.push(`    epoch ${epoch}: ${ofEpoch[0]?.test}: ${counts.join(', ')}`);
    for (const { name, state, detail } of ofEpoch.filter((each) => each.state !== 'pass').slice(0, MAX_FILES))
      lines.push(`      ${state} ${printable(name, 100)}  ${printable(detail.split('\n').at(-1) ?? '', 200)}`);
  }
  return lines;
}

/** Each thing once, however many pages it has. */
function ownPages(baseline: Result['memory']['updates'][number]['baseline']): string {
  const pages = new Map<string, number>();
  for (const { what } of baseline) pages.set(what, (pages.get(what) ?? 0) + 1);
  return [...pages].map(([what, marks]) => (marks === 1 ? what : `${what} (${marks} marks)`)).join(', ');
}

function memoryText(result: Result): string[] {
  const { memory } = result;
  const lines = [
    '',
    `  pages     ${memory.pagesPreserved} preserved: ${memory.pagesIntact} intact, ${memory.pagesCorrupt} corrupt, ` +
      `${memory.pagesLost} lost; ${memory.pagesLeaked} leaked`,
  ];
  for (const update of memory.updates) {
    if (update.markedOnArrival === null || update.markedAtEnd === null) continue;
    const own = ownPages(update.baseline);
    lines.push(
      `            epoch ${update.epoch}: ${update.markedOnArrival} handed over, ${update.markedAtEnd} still marked` +
        (own === '' ? '' : ` (the handover's own: ${printable(own, 200)})`),
    );
  }
  return memory.updates.length === 0 ? [] : lines;
}

/** The witnesses that looked, in one line; then each blind one, with the reason. */
function witnessText({ witnesses, taint }: Result): string[] {
  const all = WITNESSES.flatMap((name) => (witnesses[name] === undefined ? [] : [{ name, ...witnesses[name] }]));
  if (all.length === 0) return [];
  const looked = all.filter((each) => each.looked).map(({ name, counted }) => `${name} ${counted}`);
  return [
    '',
    `  looked    ${looked.join(', ') || 'nobody'}`,
    ...all
      .filter((each) => !each.looked)
      .map(
        ({ name, why, waived }) =>
          `  blind     ${name}: ${printable(why ?? '', 300)}${waived ? ' (not required: --without)' : ''}`,
      ),
    ...(taint === null || taint.flags.length === 0 ? [] : [`  tainted   ${printable(taint.flags.join(', '), 300)}`]),
  ];
}

function recoveryText({ impaired, recovery }: Result): string[] {
  const part = (title: string, rows: readonly string[]) =>
    rows.map((row, at) => `  ${(at === 0 ? title : '').padEnd(8)}  ${printable(row, 300)}`);
  return [
    ...(impaired === null ? [] : ['', ...part('impaired', impairedWords(impaired))]),
    ...(recovery === null
      ? []
      : [
          '',
          ...part('recovery', [
            ...recoveryWords(recovery),
            ...recoveryProblems(recovery).map((problem) => `problem: ${problem}`),
          ]),
        ]),
  ];
}

function predictionText(result: Result): string[] {
  const { predicted } = result;
  const lines = predicted === null ? [] : ['', `  predicted ${predicted.outcome}${comparison(predicted, result)}`];
  for (const mismatch of result.mismatches) {
    if (isHardware(mismatch.component)) {
      lines.push(`  mismatch  ${mismatch.component}: ${printable(mismatch.detail, 300)}; ends in ${mismatch.endsIn}`);
      continue;
    }
    const reads = mismatch.reads.length === 0 ? 'nothing' : mismatch.reads.map((version) => `v${version}`).join(', ');
    lines.push(
      `  mismatch  ${printable(mismatch.component, 100)}: written v${mismatch.wrote ?? '?'}, ` +
        `read ${reads}; ends in ${mismatch.endsIn}`,
    );
  }
  return lines;
}

function comparison({ outcome, hit, component, reasons }: PredictionOfResult, result: Result): string {
  if (outcome !== result.outcome) return ' from the images alone, but the run ended differently';
  const reason = component === null || reasons[0] === undefined ? '' : `: ${printable(reasons[0], 300)}`;
  return hit === false ? `, but for another reason than in the run${reason}` : reason;
}

/** Hardware components have no versions to show. */
function isHardware(component: string): boolean {
  return HARDWARE_COMPONENTS.some((each) => each === component);
}
