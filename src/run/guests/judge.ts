// SPDX-License-Identifier: Apache-2.0
// Judges each guest over one update. Compares it with its state in the old kernel: by its own checks, by what the agent
// could do with it, and by its pages.
import type { ChainOfResult, GuestFate, GuestOfResult } from '../../model/result/guest-result.js';
import type { Outcome } from '../../model/result/outcome.js';
import { isGuestFile } from '../../model/scenario/guest.js';
import type { ChainView } from '../../oracles/guest/index.js';
import type { Needs } from '../engine/parts.js';
import type { FileRecord } from '../judge/records.js';
import type { MachineLife } from '../machine/ending.js';
import type { GuestStat, GuestState } from '../state/guest.js';
import { judgeDevicesOf } from './devices.js';
import { judgeStop } from './emulator.js';
import { chainProblems, filesOf, guestVerdict, selfProblems } from './verdict.js';
import { inspectChain } from './inspect.js';
import { witnessCarried, witnessKept } from './witness.js';

/** A guest's clock that is off by more milliseconds is reported. The lab's own error is a few milliseconds. */
const CLOCK_JUMP = 250;

/**
 * Judges all guests that were to arrive in the running kernel.
 * @param files the verdicts on all files of the update
 */
export async function judgeGuests(
  parts: Needs<'plan' | 'recorder' | 'state' | 'view'>,
  files: readonly FileRecord[],
  machine: MachineLife,
): Promise<GuestOfResult[]> {
  const { state } = parts;
  const concerned = [...state.guests.values()].filter(
    (guest) => guest.left !== null || filesOf(parts, guest).length > 0,
  );
  const lastChains = new Map<GuestState, ChainView | null>();
  if (machine !== 'ended' && concerned.some(({ resumed }) => resumed)) {
    await parts.view.whilePaused(async () => {
      for (const guest of concerned)
        if (guest.resumed && guest.here)
          lastChains.set(guest, await inspectChain(parts, guest, runsNow(parts, guest), 'after it was resumed'));
    });
  }
  return concerned.map((guest) => {
    guest.now.chain = lastChains.get(guest) ?? null;
    const record = recordOf(parts, guest, files, machine);
    if (machine !== 'ended')
      witnessCarried(parts.recorder.witnesses, parts.recorder.epoch, guest, filesOf(parts, guest));
    report(parts, guest, record);
    return record;
  });
}

/** After an update that was called off: the guests of the old kernel must continue where they were paused. */
export async function judgeKeptGuests(parts: Needs<'plan' | 'recorder' | 'state' | 'view'>): Promise<GuestOfResult[]> {
  const { recorder, state } = parts;
  const kept = [...state.guests.values()].filter(({ here }) => here);
  if (kept.length === 0) return [];
  await parts.view.whilePaused(async () => {
    for (const guest of kept) {
      const ram = [...state.files.values()].find(
        ({ spec }) => spec.kind === 'guest-ram' && spec.guest.name === guest.spec.name,
      );
      if (ram !== undefined && ram.runs.length > 0)
        guest.arrival = await inspectChain(parts, guest, ram.runs, 'in the old kernel');
    }
  });
  return kept.map((guest) => {
    witnessKept(recorder.witnesses, recorder.epoch, guest);
    const devices = judgeDevicesOf(parts, guest, 'called-off');
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
    // What else is wrong with it, such as a broken chain, is no matter of a stop.
    const { implies, hint } = judgeStop(parts, guest, stuck && problems.length === guest.problems.length);
    if (problems.length > 0)
      recorder.incident({
        source: 'agent',
        side: 'inside',
        implies,
        title: `guest is ${record.state} in the old kernel`,
        detail: `${guest.spec.name}: ${problems.join('; ')}${hint}`,
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
  machine: MachineLife,
): GuestOfResult {
  const { left, now } = guest;
  const [before, after] = [left?.stat ?? null, now.stat];
  const devices = judgeDevicesOf(parts, guest, 'through');
  const { verdict, problems } =
    machine === 'ended'
      ? { verdict: 'unjudged' as const, problems: ['the machine ended before it could be judged'] }
      : guestVerdict(parts, guest, devices);
  const ram = filesOf(parts, guest).find(({ spec }) => spec.kind === 'guest-ram');
  const changed = ram?.retrieved?.arrival?.first ?? null;
  return {
    ...about(guest),
    session: ram?.session ?? null,
    epoch: parts.recorder.epoch,
    state: verdict,
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

/** Pages of its two files that are leaked or lost. */
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

/** A guest that is lost because its files are lost implies nothing of its own: the files already do. */
function implied(
  parts: Needs<'plan' | 'recorder' | 'state'>,
  guest: GuestState,
  verdict: GuestFate,
): { implies: Outcome | null; hint: string } {
  switch (verdict) {
    case 'survived':
    case 'unjudged':
      return { implies: null, hint: '' };
    case 'corrupt':
    case 'stuck':
      return judgeStop(parts, guest, verdict === 'stuck');
    case 'lost':
      return { implies: filesOf(parts, guest).some(({ retrieved }) => retrieved === null) ? null : 'lost', hint: '' };
  }
}

function report(parts: Needs<'plan' | 'recorder' | 'state'>, guest: GuestState, record: GuestOfResult): void {
  const { recorder } = parts;
  const { name, state, problems, ticks, clock, downtime, pagesLeaked } = record;
  recorder.event({
    kind: 'oracle',
    oracle: `guest ${name}`,
    side: 'inside',
    ok: state === 'survived',
    detail:
      state === 'survived'
        ? `ticks ${ticks.before} to ${ticks.after}` +
          (downtime === null ? '' : `, paused for ${downtime.toFixed(0)} ms`)
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
  if (state === 'survived' || state === 'unjudged') return;
  const { implies, hint } = implied(parts, guest, state);
  recorder.incident({
    source: 'agent',
    side: 'inside',
    implies,
    title: `guest is ${state}`,
    detail:
      `${name}: ${problems.join('; ')}${hint}` + (pagesLeaked > 0 ? `; ${pagesLeaked} of its pages are leaked` : ''),
  });
}
