// SPDX-License-Identifier: Apache-2.0
// Steps on guests. Each step sends its calls before it waits for the first answer, so that the calls for many guests
// follow each other without a round trip in between.
import { writtenState } from '../../compat/index.js';
import { type GuestAction, isGuestFile } from '../../model/scenario/guest.js';
import { LEFT_OUT, PASSED, type StepReply } from '../agent/reply.js';
import type { Needs } from '../engine/parts.js';
import type { FileState } from '../state/file.js';
import { GuestState } from '../state/guest.js';
import { askGuest, type GuestParts, machineNow, momentOf, statGuest } from './calls.js';
import { create } from './create.js';
import { attachToGuest } from './devices.js';
import { check, sawTicks, waitTicks } from './wait.js';

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
  const ticks = guest.now.stat?.ticks ?? guest.ticks;
  sawTicks(parts, guest, ticks);
  // A later check starts from the guest's count of now, even if it fell.
  guest.ticks = ticks;
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
    guest.problems.push({ what: `it cannot be restored: ${reply.errno} (${reply.at ?? ''})`, fate: 'lost' });
    return reply;
  }
  guest.here = guest.paused = guest.restored = true;
  for (const file of [ram, state]) {
    const { spec } = files.get(file) as FileState;
    if (isGuestFile(spec) && spec.guest.name !== name)
      guest.problems.push({ what: `it was restored from ${spec.file} of ${spec.guest.name}`, fate: 'corrupt' });
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
      detail: `${name}: ${refused} MSRs: ${list}`,
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
