// SPDX-License-Identifier: Apache-2.0
// Asks the agent about guests and reads its answers. The machine is hostile: types and sizes in an answer are checked.
import type { AgentReply } from '../../guest/agent.js';
import { MAX_DEVICES } from '../../model/scenario/guest.js';
import type { DeviceCounts } from '../../model/result/guest-result.js';
import { printable } from '../../util/text/escape.js';
import type { Needs } from '../engine/parts.js';
import type { DeviceStat, GuestStat } from '../state/guest.js';

/** Maximum length of a text from a guest, in characters. */
const MAX_TEXT = 4096;
/** Failures that a guest counts in its own checks: key of the answer, then what it means. */
const CHECKS = {
  bad: 'pages or words of its memory were wrong',
  fpuBad: 'FPU or SSE registers were wrong',
  msrBad: 'MSRs were wrong',
  debugBad: 'debug registers were wrong',
  tscBack: 'the TSC went backwards',
  systemBad: 'its program or tables were wrong',
  staleBad: 'a register that holds the current tick held an older one',
} as const;

/** The parts of a run that steps on guests need. */
export type GuestParts = Needs<'plan' | 'recorder' | 'state' | 'deadlines' | 'agents'>;

export function askGuest(
  parts: Needs<'agents'>,
  op: string,
  args: Record<string, string | number>,
  bytes = 0,
): Promise<AgentReply> {
  const { agents } = parts;
  return agents.call(op, args, { bytes: bytes });
}

/** A number, also a negative one; null where it is missing. */
function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(-MAX_TEXT) : '';
}

/** Milliseconds of the run in the machine's own time: time for which the lab paused the machine does not count. */
export function machineNow({ recorder, state }: Needs<'recorder' | 'state'>): number {
  return recorder.clock.now() - state.pausedMs;
}

/**
 * Converts `{us, tsc}` of an answer to a time of the run. The two clocks are aligned by the smallest difference that
 * any answer of this kernel showed.
 */
export function momentOf(parts: Needs<'recorder' | 'state'>, value: unknown): number | null {
  const us = number((value as { us?: unknown } | null | undefined)?.us);
  if (us === null) return null;
  const { state, recorder } = parts;
  const offset = machineNow(parts) - us / 1000;
  if (state.agentClock === null || state.agentClock.epoch !== recorder.epoch || offset < state.agentClock.offset)
    state.agentClock = { epoch: recorder.epoch, offset };
  return us / 1000 + state.agentClock.offset + state.pausedMs;
}

export async function statGuest(
  parts: Needs<'recorder' | 'state' | 'agents'>,
  guest: string,
): Promise<GuestStat | null> {
  const reply = await askGuest(parts, 'guest-stat', { guest });
  return reply.ok ? readStat(reply, machineNow(parts)) : null;
}

/** @param now the machine's time when the answer arrived */
function readStat({ data }: AgentReply, now: number): GuestStat {
  const clock = data['clock'] as Record<string, unknown> | null | undefined;
  const [mono, real, since] = [number(clock?.['mono']), number(clock?.['real']), number(data['sinceTickUs'])];
  const bootId = text(data['bootId']);
  const failures: GuestStat['failures'] = Object.entries(CHECKS).flatMap(([key, what]) => {
    const count = number(data[key]) ?? 0;
    return count > 0 ? [{ what, count }] : [];
  });
  // Without its control page, all other counts are garbage.
  if (data['control'] === false) failures.splice(0, failures.length, { what: 'its control page is gone', count: 1 });
  const panicked = data['panicked'] === true;
  if (panicked) failures.push({ what: 'its kernel panicked', count: 1 });
  const exception = data['control'] === false ? null : number(data['exception']);
  // The vector plus 1, or 0 for no exception.
  if (exception !== null && exception > 0)
    failures.push({ what: `it was ended by exception ${exception - 1}`, count: 1 });
  else if (failures.length === 0 && (number(data['failed']) ?? 0) > 0)
    failures.push({ what: 'one of its own checks failed', count: 1 });
  return {
    state: text(data['state']),
    why: printable(text(data['why']), 300),
    ticks: number(data['ticks']) ?? 0,
    needs: number(data['needs']),
    failures,
    panicked,
    firstBad: number(data['firstBad']),
    jumped: number(data['jumped']) ?? 0,
    maxGapMs: (number(data['maxGapUs']) ?? 0) / 1000,
    bootId: bootId === '' ? null : bootId,
    bootIdChanged: (number(data['bootIdChanged']) ?? 0) > 0,
    clock:
      mono === null || real === null || since === null
        ? null
        : { mono: mono / 1000, real: real / 1000, at: now - since / 1000 },
    console: text(data['console']),
    devices: devicesOf(data['devices']),
  };
}

/** Strips the prefix by which the agent tells devices from files (devices/calls.ts). */
function devicesOf(value: unknown): DeviceStat[] {
  const list: unknown[] = Array.isArray(value) ? value.slice(0, MAX_DEVICES) : [];
  return list.map((each) => {
    const entry = (each ?? {}) as Record<string, unknown>;
    const count = (key: keyof DeviceCounts) => Math.max(0, Math.floor(number(entry[key]) ?? 0));
    return {
      device: printable(text(entry['device']), 64).replace(/^dev:/, ''),
      done: count('done'),
      wrong: count('wrong'),
      unended: count('unended'),
      cut: count('cut'),
      resets: count('resets'),
      gone: count('gone'),
    };
  });
}
