// SPDX-License-Identifier: Apache-2.0
// Steps on guests. Each sends its calls before it first waits, so that those of many guests follow one another without
// a round trip between.
import { writtenState } from '../../compat/index.js';
import { type AgentReply, numberOf } from '../../guest/agent.js';
import { guestFiles, type GuestAction, type GuestSpec, isGuestFile, ticksToShow } from '../../model/scenario/guest.js';
import { Snapshot } from '../../oracles/guest/index.js';
import type { Needs } from '../engine/parts.js';
import { agentNameOf } from '../devices/calls.js';
import { attachToGuest } from './devices.js';
import { askGuest, machineNow, momentOf, statGuest } from './calls.js';
import { GuestState } from '../state/guest.js';
import { nextKernel } from '../machine/layout.js';
import type { FileState } from '../state/file.js';
import { LEFT_OUT, PASSED, type StepReply } from '../agent/reply.js';

/** A guest with Linux: its user space lies in the machine, its kernel is the one of the next epoch. */
const LINUX_INITRD = '/lib/lab/guest-linux.cpio';
const LINUX_CMDLINE =
  'quiet console=ttyS0 nokaslr mitigations=off acpi=off pci=off panic=-1 no_timer_check tsc=nowatchdog';
/** Milliseconds for a guest's next ticks, and for a Linux to come up, on an idle machine. */
const TICK_DEADLINE = 5_000;
const UP_DEADLINE = 30_000;
/** What the agent takes (lab/agent/guest/wait.c), milliseconds. */
const MOST_WAIT = 600_000;
const MOST_SLOW = 10;
/** From this part of a wait on it counts as the whole. */
const MOST_OF_WAIT = 0.9;
const LEAST_PERIOD = 10_000;
const PERIOD_OF_VCPU = 4_000;
/** Milliseconds without a tick after which a guest stood. */
const STOOD = 1_000;

/** What steps on guests work with. */
export type GuestParts = Needs<'plan' | 'recorder' | 'state' | 'deadlines' | 'agents'>;

export async function guestStep(parts: GuestParts, step: GuestAction): Promise<StepReply> {
  if (step.op === 'guest-create') return create(parts, step.spec);
  const guest = parts.state.guests.get(step.guest);
  if (guest === undefined) return LEFT_OUT;
  if (step.op === 'guest-restore') return restore(parts, guest, step);
  switch (step.op) {
    case 'guest-run':
      return askGuest(parts, 'guest-run', { guest: step.guest });
    case 'guest-wait':
      return waitTicks(parts, guest, step.ticks);
    case 'guest-pause':
      return pause(parts, guest);
    case 'guest-save':
      return save(parts, guest, step.version);
    case 'guest-attach':
      return attachToGuest(parts, guest, step);
    case 'guest-resume':
      return resume(parts, guest);
    case 'guest-check':
      return check(parts, guest);
    case 'guest-close': {
      const reply = await askGuest(parts, 'guest-close', { guest: step.guest });
      if (reply.ok) guest.lose();
      return reply;
    }
  }
}

async function create(parts: Needs<'plan' | 'state' | 'agents'>, spec: GuestSpec): Promise<StepReply> {
  const { state } = parts;
  const { name, kind, vcpus, size, seed, features, devices } = spec;
  const guest = new GuestState(spec);
  state.guests.set(name, guest);
  const files = guestFiles(name);
  const own = kind === 'bare' ? { seed, period: periodOf(parts) } : linuxArgs(parts);
  const reply = await askGuest(
    parts,
    'guest-create',
    {
      guest: name,
      kind,
      vcpus,
      size,
      file: files.ram,
      state: files.state,
      ...own,
      ...(features.length > 0 ? { features: features.join(',') } : {}),
      ...(devices.length > 0 ? { devices: devices.map(agentNameOf).join(',') } : {}),
    },
    size,
  );
  if (!reply.ok) return reply;
  guest.here = true;
  const common = { guest: spec, seed, holes: [] };
  for (const each of [
    { kind: 'guest-ram' as const, file: files.ram, size, ...common },
    { kind: 'guest-state' as const, file: files.state, size: numberOf(reply, 'stateSize'), ...common },
  ]) {
    state.files.set(each.file, {
      name: each.file,
      spec: each,
      pattern: new Snapshot(),
      held: [],
      runs: [],
      before: null,
      inside: null,
      hugeKiB: 0,
    });
  }
  return PASSED;
}

/**
 * Microseconds between two ticks of a bare guest: all guests of a host together tick some hundred times a second,
 * however many they are.
 */
function periodOf({ plan }: Needs<'plan'>): number {
  const vcpus = plan.scenario.steps.reduce(
    (sum, step) => (step.op === 'guest-create' ? sum + step.spec.vcpus : sum),
    0,
  );
  return Math.max(LEAST_PERIOD, vcpus * PERIOD_OF_VCPU);
}

function linuxArgs(parts: Needs<'plan'>): Record<string, string | number> {
  const { kernelDisk, kernelSize } = nextKernel(parts.plan, 1);
  return { kernel: kernelDisk, kernelSize, initrd: LINUX_INITRD, cmdline: LINUX_CMDLINE };
}

async function waitTicks(
  parts: Needs<'plan' | 'recorder' | 'state' | 'deadlines' | 'agents'>,
  guest: GuestState,
  ticks: number,
): Promise<StepReply> {
  const { deadlines, plan, state } = parts;
  // Guests that run take turns on the machine's processors.
  const running = [...state.guests.values()].reduce(
    (sum, { here, paused, spec }) => sum + (here && !paused ? spec.vcpus : 0),
    0,
  );
  const slow = Math.min(deadlines.slow, MOST_SLOW) * Math.max(1, running / plan.scenario.machine.cpus);
  const ms = Math.min(
    MOST_WAIT,
    Math.round(
      ((guest.spec.kind === 'linux' && guest.ticks === 0 ? UP_DEADLINE : TICK_DEADLINE) +
        (ticks * periodOf(parts)) / 1000) *
        slow,
    ),
  );
  const wanted = guest.ticks + ticks;
  const until = machineNow(parts) + MOST_OF_WAIT * ms;
  let reply: AgentReply;
  do {
    // The agent answers after that at the latest.
    reply = await parts.agents.call('guest-wait', { guest: guest.spec.name, ticks: wanted, ms }, { waits: ms });
    if (!reply.ok) return reply;
    // A kernel whose clock runs too fast (tsc: PIT calibration deviates) waits too short; the lab's own clock decides.
  } while (reply.data['reached'] !== true && waitedOut(reply, ms) && machineNow(parts) < until);
  sawTicks(parts, guest, numberOf(reply, 'ticks'));
  return reply.data['reached'] === true
    ? PASSED
    : { ok: false, errno: 'ETIMEDOUT', at: `no ${ticks} ticks more within ${ms} ms` };
}

/** By the machine's own clock the whole time is over; a guest that is dead is not waited for. */
function waitedOut({ data }: AgentReply, ms: number): boolean {
  const waited = data['waitedUs'];
  return typeof waited === 'number' && waited >= MOST_OF_WAIT * ms * 1000;
}

function sawTicks(parts: Needs<'recorder' | 'state'>, guest: GuestState, ticks: number): void {
  if (ticks > guest.ticks) guest.tickedAt = machineNow(parts);
  guest.ticks = Math.max(guest.ticks, ticks);
}

async function pause(parts: Needs<'recorder' | 'state' | 'agents'>, guest: GuestState): Promise<StepReply> {
  const { name } = guest.spec;
  const [answer, stat] = [askGuest(parts, 'guest-pause', { guest: name }), statGuest(parts, name)];
  stat.catch(() => undefined);
  const reply = await answer;
  if (!reply.ok) return reply;
  guest.paused = true;
  const [first, last] = [momentOf(parts, reply.data['first']), momentOf(parts, reply.data['last'])];
  if (first !== null) parts.recorder.event({ kind: 'guest', guest: name, what: 'pausing' }, first);
  if (last !== null) parts.recorder.event({ kind: 'guest', guest: name, what: 'paused' }, last);
  guest.now.stat = await stat;
  sawTicks(parts, guest, guest.now.stat?.ticks ?? guest.ticks);
  guest.stoodMs = guest.tickedAt === null ? 0 : machineNow(parts) - guest.tickedAt;
  guest.devicesBefore = guest.now.stat?.devices ?? [];
  return PASSED;
}

async function save(
  parts: Needs<'plan' | 'recorder' | 'state' | 'agents'>,
  guest: GuestState,
  version: number | null,
): Promise<StepReply> {
  const { name } = guest.spec;
  const { policy, steps } = parts.plan.scenario;
  const next = steps.find(
    (step) => step.op === 'guest-restore' && step.guest === name && step.epoch === parts.recorder.epoch + 1,
  );
  const wanted = writtenState(version, next?.op === 'guest-restore' ? next.reads : null, policy);
  const reply = await askGuest(parts, 'guest-save', { guest: name, version: wanted });
  const at = reply.ok ? momentOf(parts, reply.data['at']) : null;
  if (at !== null) parts.recorder.event({ kind: 'guest', guest: name, what: 'saved' }, at);
  return reply;
}

async function restore(
  parts: Needs<'recorder' | 'state' | 'agents'>,
  guest: GuestState,
  { ram, state, skip, reads }: Extract<GuestAction, { op: 'guest-restore' }>,
): Promise<StepReply> {
  const { name, size } = guest.spec;
  const { files } = parts.state;
  if (!files.has(ram) || !files.has(state)) {
    guest.problems.push({
      what: `${[ram, state].filter((file) => !files.has(file)).join(' and ')} did not come back`,
      fate: 'lost',
    });
    return LEFT_OUT;
  }
  const reply = await askGuest(
    parts,
    'guest-restore',
    {
      guest: name,
      file: ram,
      state,
      ...(skip.length > 0 ? { skip: skip.join(',') } : {}),
      ...(reads === null ? {} : { reads: Math.max(...reads) }),
    },
    size,
  );
  if (!reply.ok) {
    guest.problems.push({ what: `it cannot be made anew: ${reply.errno} (${reply.at ?? ''})`, fate: 'lost' });
    return reply;
  }
  guest.here = guest.paused = guest.restored = true;
  for (const file of [ram, state]) {
    const { spec } = files.get(file) as FileState;
    if (isGuestFile(spec) && spec.guest.name !== name)
      guest.problems.push({
        what: `it was made anew from what ${spec.guest.name} had as ${spec.file}`,
        fate: 'corrupt',
      });
  }
  guest.ticks = Number.isSafeInteger(reply.data['ticks']) ? (reply.data['ticks'] as number) : guest.ticks;
  const refused = reply.data['msrsRefusedCount'];
  if (typeof refused === 'number' && refused > 0) {
    const list = Array.isArray(reply.data['msrsRefused'])
      ? reply.data['msrsRefused'].slice(0, 16).map(String).join(' ')
      : '';
    parts.recorder.incident({
      source: 'agent',
      side: 'inside',
      implies: null,
      title: 'this kernel refuses MSRs of a guest',
      detail: `${name}: ${refused} of them: ${list}`,
    });
  }
  const at = momentOf(parts, reply.data['at']);
  if (at !== null) parts.recorder.event({ kind: 'guest', guest: name, what: 'restored' }, at);
  return PASSED;
}

async function resume(parts: Needs<'recorder' | 'state' | 'agents'>, guest: GuestState): Promise<StepReply> {
  const { name } = guest.spec;
  const reply = await askGuest(parts, 'guest-resume', { guest: name });
  if (!reply.ok) return reply;
  guest.paused = false;
  guest.resumed = true;
  const stopped = reply.data['stoppedUs'];
  guest.downtimeMs = typeof stopped === 'number' && Number.isFinite(stopped) ? stopped / 1000 : null;
  const at = momentOf(parts, reply.data['at']);
  if (at !== null) parts.recorder.event({ kind: 'guest', guest: name, what: 'resumed' }, at);
  return PASSED;
}

/** Ticks are 10 to 100 ms apart: then the kernel that gave it away, or what runs that one, is where to look. */
function stoodBefore({ stoodMs }: GuestState): string {
  if (stoodMs < STOOD) return '';
  return `; it stood already in the kernel before, which paused it after ${(stoodMs / 1000).toFixed(1)} s without a tick`;
}

async function check(parts: GuestParts, guest: GuestState): Promise<StepReply> {
  if (!guest.here) return LEFT_OUT;
  const { name } = guest.spec;
  const before = guest.ticks;
  const [waited, asked] = [waitTicks(parts, guest, ticksToShow(guest.spec)), statGuest(parts, name)];
  asked.catch(() => undefined);
  const reply = await waited;
  guest.now.stat = await asked;
  if (!reply.ok) {
    const { state = '', why = '' } = guest.now.stat ?? {};
    const how = state === 'running' || state === '' ? '' : `: it is ${state}${why === '' ? '' : `, ${why}`}`;
    guest.problems.push({ what: `it does not go on after tick ${before}${how}${stoodBefore(guest)}`, fate: 'stuck' });
  }
  return reply;
}
