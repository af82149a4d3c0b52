// SPDX-License-Identifier: Apache-2.0
// Waits for ticks of a guest. The limit depends on the machine's speed, its load and its clock.
import { type AgentReply, numberOf } from '../../guest/agent.js';
import { ticksToShow } from '../../model/scenario/guest.js';
import { LEFT_OUT, PASSED, type StepReply } from '../agent/reply.js';
import type { Needs } from '../engine/parts.js';
import { GuestState } from '../state/guest.js';
import { type GuestParts, machineNow, statGuest } from './calls.js';
import { periodOf } from './create.js';

/** Milliseconds on an idle machine: for a guest's next ticks, and for a Linux guest to boot. */
const TICK_DEADLINE = 5_000;
const UP_DEADLINE = 30_000;
/** Milliseconds; the agent's own limit for one request (lab/agent/guest/wait.c). */
const MAX_REQUEST = 600_000;
/** For ticks. A boot may take as long as the machine is slow: emulated code that is new costs the most. */
const MAX_SLOW = 10;
/** A wait that lasted for this part of its time counts as a full one. */
const FULL_WAIT = 0.9;
/** A guest without a tick for this many milliseconds had stopped. */
const STOOD = 1_000;

export async function waitTicks(
  parts: Needs<'plan' | 'recorder' | 'state' | 'deadlines' | 'agents'>,
  guest: GuestState,
  ticks: number,
): Promise<StepReply> {
  const { deadlines, plan, state } = parts;
  // Running guests share the machine's processors.
  const running = [...state.guests.values()].reduce(
    (sum, { here, paused, spec }) => sum + (here && !paused ? spec.vcpus : 0),
    0,
  );
  const share = Math.max(1, running / plan.scenario.machine.cpus);
  const boots = guest.spec.kind === 'linux' && guest.ticks === 0;
  const slow = (boots ? deadlines.slow : Math.min(deadlines.slow, MAX_SLOW)) * share;
  const idle = (boots ? UP_DEADLINE : TICK_DEADLINE) + (ticks * periodOf(parts)) / 1000;
  const limit = Math.round(idle * slow);
  const wanted = guest.ticks + ticks;
  const started = machineNow(parts);
  let reply: AgentReply;
  let ms: number;
  do {
    ms = Math.min(MAX_REQUEST, Math.ceil(limit - (machineNow(parts) - started)));
    reply = await parts.agents.call('guest-wait', { guest: guest.spec.name, ticks: wanted, ms }, { waits: ms });
    if (!reply.ok) return reply;
    // A kernel whose clock is too fast (tsc: PIT calibration deviates) stops waiting too early: the lab's clock
    // decides.
  } while (reply.data['reached'] !== true && waitedOut(reply, ms) && machineNow(parts) - started < FULL_WAIT * limit);
  sawTicks(parts, guest, numberOf(reply, 'ticks'));
  return reply.data['reached'] === true
    ? PASSED
    : { ok: false, errno: 'ETIMEDOUT', at: `fewer than ${ticks} more ticks within ${limit} ms` };
}

/** True where the agent waited for the full time. It answers earlier for a dead guest. */
function waitedOut({ data }: AgentReply, ms: number): boolean {
  const waited = data['waitedUs'];
  return typeof waited === 'number' && waited >= FULL_WAIT * ms * 1000;
}

export function sawTicks(parts: Needs<'recorder' | 'state'>, guest: GuestState, ticks: number): void {
  if (ticks > guest.ticks) guest.tickedAt = machineNow(parts);
  guest.ticks = Math.max(guest.ticks, ticks);
}

/** Ticks are 10 to 100 ms apart. A guest that had stopped before points to the old kernel, or to the host. */
function stoodBefore({ stoodMs }: GuestState): string {
  if (stoodMs < STOOD) return '';
  const seconds = (stoodMs / 1000).toFixed(1);
  return `; it had stopped in the kernel before, which paused it after ${seconds} s without a tick`;
}

export async function check(parts: GuestParts, guest: GuestState): Promise<StepReply> {
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
