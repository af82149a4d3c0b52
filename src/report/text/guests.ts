// SPDX-License-Identifier: Apache-2.0
// The guests of one run, for a terminal: the state of each, and a bar of their downtime.
import type { DeviceOfGuest, DowntimeOfResult, DowntimePhase, GuestOfResult } from '../../model/result/guest-result.js';
import type { Result } from '../../model/result/result.js';
import { printable } from '../../util/text/escape.js';
import { bar } from './phase-bar.js';
import { bytes } from './style.js';

const MAX_GUESTS = 8;

const WORDS: Readonly<Record<DowntimePhase, string>> = {
  pause: 'pause',
  save: 'save',
  preserve: 'preserve',
  lab: 'lab',
  freeze: 'freeze',
  jump: 'kexec jump',
  boot: 'boot of the next kernel',
  agent: 'agent',
  retrieve: 'retrieve',
  restore: 'restore',
  devices: 'its devices',
  resume: 'resume',
};

export function guestsText({ guests, downtime }: Pick<Result, 'guests' | 'downtime'>, columns: number): string[] {
  if (guests.length === 0) return [];
  const worst = [...guests].sort((a, b) => Number(a.state === 'survived') - Number(b.state === 'survived'));
  const lines = ['', '  guests', ...worst.slice(0, MAX_GUESTS).flatMap(guestText)];
  if (worst.length > MAX_GUESTS) {
    const rest = worst.slice(MAX_GUESTS);
    const survived = rest.filter(({ state }) => state === 'survived').length;
    lines.push(`    and ${rest.length} more, of which ${survived} survived`);
  }
  const withEpoch = downtime.length > 1;
  return [...lines, ...downtime.flatMap((each) => downtimeText(each, { withEpoch, columns }))];
}

function guestText({
  name,
  kind,
  vcpus,
  size,
  state,
  ticks,
  chain,
  downtime,
  bootId,
  devices,
  problems,
  firstBad,
}: GuestOfResult): string[] {
  const notes = [
    ...(ticks.before === null && ticks.after === null ? [] : [`ticks ${ticks.before ?? '?'} to ${ticks.after ?? '?'}`]),
    ...(chain.after === null
      ? []
      : [
          chain.after.bad === 0
            ? `chain of ${chain.after.links} links intact`
            : `chain broken in ${chain.after.bad} places`,
        ]),
    ...(bootId === null ? [] : [bootId.before === bootId.after ? 'same boot id' : 'another boot id']),
    ...(downtime === null ? [] : [`paused for ${ms(downtime)}`]),
  ];
  const columns = [state.padEnd(8), printable(name, 40).padEnd(14), bytes(size).padStart(8)].join(' ');
  const cpus = `${kind}, ${vcpus} vCPU${vcpus === 1 ? '' : 's'}`;
  return [
    `    ${columns}  ${cpus}  ${notes.join(', ')}`.trimEnd(),
    ...devices.map((each) => `             ${deviceText(each)}`),
    ...problems.slice(0, 3).map((problem) => `             ${printable(problem, 300)}`),
    ...(firstBad === null ? [] : [`             first bad page ${firstBad.page}: ${printable(firstBad.what, 200)}`]),
  ];
}

/** What a guest saw of one of its devices. */
export function deviceText({ device, carried, before, after }: DeviceOfGuest): string {
  const now = after ?? before;
  const since = (key: 'resets' | 'cut') => (after?.[key] ?? 0) - (before?.[key] ?? 0);
  const notes = [
    now === null
      ? 'no transfers seen'
      : before === null || after === null
        ? `${now.done} transfers`
        : `transfers ${before.done} to ${after.done}`,
    ...(now !== null && now.wrong > 0 ? [`${now.wrong} wrong`] : []),
    ...(now !== null && now.unended > 0 ? [`${now.unended} unfinished`] : []),
    ...(since('resets') > 0 ? [`found reset${since('cut') > 0 ? ' during a transfer' : ''}`] : []),
    ...(now !== null && now.gone > 0 ? [`no answer at ${now.gone} ticks`] : []),
  ];
  return `${printable(device, 40)}${carried === null ? '' : ` ${carried}`}: ${notes.join(', ')}`;
}

function downtimeText(
  { epoch, ms: total, phases, guests, mib, perGuest, perMib, longest }: DowntimeOfResult,
  { withEpoch, columns }: { withEpoch: boolean; columns: number },
): string[] {
  const shown = phases.filter((each) => each.ms > 0);
  return [
    '',
    `  downtime  ${ms(total)}${withEpoch ? ` into epoch ${epoch}` : ''}, ` +
      `${guests} guest${guests === 1 ? '' : 's'} with ${mib} MiB: ` +
      `${ms(perGuest)} a guest, ${ms(perMib)} a MiB` +
      (longest === null ? '' : `; the longest ${ms(longest.ms)}, ${printable(longest.guest, 40)}`),
    ...bar(
      shown.map(({ phase, ms: length }) => ({ label: WORDS[phase], ms: length })),
      columns,
      ms,
    ),
  ];
}

function ms(value: number): string {
  return value < 1000 ? `${value.toFixed(value < 10 ? 1 : 0)} ms` : `${(value / 1000).toFixed(2)} s`;
}
