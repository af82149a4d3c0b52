// SPDX-License-Identifier: Apache-2.0
// What became of each guest over one update: held against what it was when the old kernel left it, by what it says
// itself, by what the agent could do with it, and by its pages.
import type { ChainOfResult, GuestFate, GuestOfResult } from '../../model/result/guest-result.js';
import type { Outcome } from '../../model/result/outcome.js';
import { isGuestFile } from '../../model/scenario/guest.js';
import type { ChainView } from '../../oracles/guest/index.js';
import type { Needs } from '../engine/parts.js';
import type { FileRecord } from '../judge/records.js';
import type { MachineLife } from '../machine/ending.js';
import type { GuestStat, GuestState } from '../state/guest.js';
import { judgeDevicesOf } from './devices.js';
import { chainProblems, fateOf, selfProblems, filesOf } from './fate.js';
import { inspectChain } from './inspect.js';
import { witnessCarried, witnessKept } from './witness.js';

/** A clock of a guest that is off by more is said to be; what the lab measures is good to a few milliseconds. */
const CLOCK_JUMP = 250;

/**
 * Judges all guests that were to come into the kernel that runs now.
 * @param files what became of all files
 */
export async function judgeGuests(
  parts: Needs<'recorder' | 'state' | 'view'>,
  files: readonly FileRecord[],
  machine: MachineLife,
): Promise<GuestOfResult[]> {
  const { state } = parts;
  const ended = machine === 'ended';
  const concerned = [...state.guests.values()].filter(
    (guest) => guest.left !== null || filesOf(parts, guest).length > 0,
  );
  const last = new Map<GuestState, ChainView | null>();
  if (!ended && concerned.some(({ resumed }) => resumed)) {
    await parts.view.whilePaused(() => {
      for (const guest of concerned)
        if (guest.resumed && guest.here)
          last.set(guest, inspectChain(parts, guest, runsNow(parts, guest), 'once it had gone on'));
    });
  }
  return concerned.map((guest) => {
    guest.now.chain = last.get(guest) ?? null;
    const record = recordOf(parts, guest, files, ended);
    if (!ended) witnessCarried(parts.recorder.witnesses, parts.recorder.epoch, guest, filesOf(parts, guest));
    report(parts, guest, record);
    return record;
  });
}

/** An update that was called off: the old kernel's guests must go on where they stopped. */
export async function judgeKeptGuests(parts: Needs<'recorder' | 'state' | 'view'>): Promise<GuestOfResult[]> {
  const { recorder, state } = parts;
  const kept = [...state.guests.values()].filter(({ here }) => here);
  if (kept.length === 0) return [];
  await parts.view.whilePaused(() => {
    for (const guest of kept) {
      const ram = [...state.files.values()].find(
        ({ spec }) => spec.kind === 'guest-ram' && spec.guest.name === guest.spec.name,
      );
      if (ram !== undefined && ram.runs.length > 0)
        guest.arrival = inspectChain(parts, guest, ram.runs, 'in the old kernel');
    }
  });
  return kept.map((guest) => {
    witnessKept(recorder.witnesses, recorder.epoch, guest);
    const devices = judgeDevicesOf(parts, guest, true);
    const problems = [
      ...selfProblems(guest.now.stat),
      ...chainProblems(guest.arrival, ''),
      ...guest.problems.map(({ what }) => what),
      ...devices.lost,
      ...devices.wrong,
    ];
    const stuck = guest.problems.some(({ fate }) => fate === 'stuck');
    const record: GuestOfResult = {
      ...about(guest),
      session: null,
      epoch: recorder.epoch,
      state: problems.length === 0 ? 'survived' : stuck ? 'stuck' : 'corrupt',
      firstBad: guest.arrival?.first ?? null,
      ticks: { before: null, after: guest.now.stat?.ticks ?? null },
      chain: { before: null, arrival: null, after: chainOf(guest.arrival) },
      clock: null,
      bootId: null,
      downtime: guest.downtimeMs,
      downtimeInside: guest.now.stat?.maxGapMs ?? null,
      devices: devices.records,
      needs: guest.now.stat?.needs ?? null,
      pagesLeaked: 0,
      pagesLost: 0,
      problems,
    };
    if (problems.length > 0)
      recorder.incident({
        source: 'agent',
        side: 'inside',
        implies: 'corrupt',
        title: `guest is ${record.state} in the old kernel`,
        detail: `${guest.spec.name}: ${problems.join('; ')}`,
      });
    return record;
  });
}

function runsNow(parts: Needs<'state'>, guest: GuestState) {
  return filesOf(parts, guest).find(({ spec }) => spec.kind === 'guest-ram')?.retrieved?.runs ?? [];
}

function about({
  spec: { name, kind, vcpus, size },
}: GuestState): Pick<GuestOfResult, 'name' | 'kind' | 'vcpus' | 'size'> {
  return { name, kind, vcpus, size };
}

function recordOf(
  parts: Needs<'recorder' | 'state'>,
  guest: GuestState,
  files: readonly FileRecord[],
  ended: boolean,
): GuestOfResult {
  const { left, now } = guest;
  const [before, after] = [left?.stat ?? null, now.stat];
  const devices = judgeDevicesOf(parts, guest, false);
  const { fate, problems } = ended
    ? { fate: 'unjudged' as const, problems: ['the machine ended first'] }
    : fateOf(parts, guest, devices);
  const ram = filesOf(parts, guest).find(({ spec }) => spec.kind === 'guest-ram');
  const changed = ram?.retrieved?.arrival?.first ?? null;
  return {
    ...about(guest),
    session: ram?.session ?? null,
    epoch: parts.recorder.epoch,
    state: fate,
    firstBad:
      guest.arrival?.first ??
      (changed === null ? null : { page: changed.page, what: 'it changed over the kexec' }) ??
      now.chain?.first ??
      null,
    ticks: { before: before?.ticks ?? null, after: after?.ticks ?? null },
    chain: { before: chainOf(left?.chain ?? null), arrival: chainOf(guest.arrival), after: chainOf(now.chain) },
    clock: clockOf(before, after),
    bootId: before?.bootId && after?.bootId ? { before: before.bootId, after: after.bootId } : null,
    downtime: guest.downtimeMs,
    downtimeInside: guest.resumed ? (after?.maxGapMs ?? null) : null,
    devices: devices.records,
    needs: after?.needs ?? before?.needs ?? null,
    ...pagesOf(guest, files),
    problems,
  };
}

/** Pages of its two files that did not come back. */
function pagesOf({ spec }: GuestState, files: readonly FileRecord[]): Pick<GuestOfResult, 'pagesLeaked' | 'pagesLost'> {
  const own = files.filter(({ file }) => isGuestFile(file.spec) && file.spec.guest.name === spec.name);
  return {
    pagesLeaked: own.reduce((sum, { verdict }) => sum + verdict.pagesLeaked, 0),
    pagesLost: own.reduce((sum, { verdict }) => sum + verdict.pagesLost, 0),
  };
}

function chainOf(look: ChainView | null): ChainOfResult | null {
  return look === null ? null : { pages: look.pages, bad: look.bad, ticks: look.ticks, links: look.links };
}

function clockOf(before: GuestStat | null, after: GuestStat | null): GuestOfResult['clock'] {
  if (!before?.clock || !after?.clock) return null;
  const round = (ms: number) => Math.round(ms * 10) / 10;
  const [advanced, expected] = [after.clock.mono - before.clock.mono, after.clock.at - before.clock.at];
  return { advanced: round(advanced), expected: round(expected), jump: round(advanced - expected) };
}

/** Where its files tell already what became of it, the guest itself implies nothing more. */
function implied(parts: Needs<'state'>, guest: GuestState, fate: GuestFate): Outcome | null {
  switch (fate) {
    case 'survived':
    case 'unjudged':
      return null;
    case 'corrupt':
    case 'stuck':
      return 'corrupt';
    case 'lost':
      return filesOf(parts, guest).some(({ retrieved }) => retrieved === null) ? null : 'lost';
  }
}

function report(parts: Needs<'recorder' | 'state'>, guest: GuestState, record: GuestOfResult): void {
  const { recorder } = parts;
  const { name, state, problems, ticks, clock } = record;
  recorder.event({
    kind: 'oracle',
    oracle: `guest ${name}`,
    side: 'inside',
    ok: state === 'survived',
    detail:
      state === 'survived'
        ? `ticks ${ticks.before} to ${ticks.after}${record.downtime === null ? '' : `, stood still for ${record.downtime.toFixed(0)} ms`}`
        : `${state}: ${problems.join('; ')}`,
  });
  if (clock !== null && Math.abs(clock.jump) > CLOCK_JUMP)
    recorder.incident({
      source: 'agent',
      side: 'inside',
      implies: null,
      title: "a guest's clock jumped",
      detail: `${name}: by ${clock.jump} ms`,
    });
  if (state !== 'survived' && state !== 'unjudged')
    recorder.incident({
      source: 'agent',
      side: 'inside',
      implies: implied(parts, guest, state),
      title: `guest is ${state}`,
      detail: `${name}: ${problems.join('; ')}${record.pagesLeaked > 0 ? `; ${record.pagesLeaked} of its pages are leaked` : ''}`,
    });
}
