// SPDX-License-Identifier: Apache-2.0
// While an update is judged its guests stand still: they would take the processor from whoever looks, and a vCPU of the
// machine that runs a guest shows the guest's page tables instead of the kernel's.
import type { Needs } from '../engine/parts.js';
import { askGuest, statGuest } from './calls.js';
import { giveBack } from './devices.js';
import type { GuestState } from '../state/guest.js';
import { guestStep } from './steps.js';

/**
 * Stops every guest that runs, and asks those that nobody has asked yet how they are.
 * @returns those that it stopped
 */
export async function pauseGuests(parts: Needs<'recorder' | 'state' | 'agents'>): Promise<GuestState[]> {
  const running = [...parts.state.guests.values()].filter(({ here, paused }) => here && !paused);
  await Promise.all(
    running.map(async (guest) => {
      const { name } = guest.spec;
      const [pause, stat] = [
        askGuest(parts, 'guest-pause', { guest: name }),
        guest.now.stat === null ? statGuest(parts, name) : null,
      ];
      stat?.catch(() => undefined);
      // One that is dead cannot be stopped: its state says so.
      if ((await pause).ok) guest.paused = true;
      guest.now.stat ??= await stat;
    }),
  );
  return running.filter(({ paused }) => paused);
}

export async function resumeGuests(parts: Needs<'agents'>, guests: readonly GuestState[]): Promise<void> {
  await Promise.all(
    guests.map(async (guest) => {
      if ((await askGuest(parts, 'guest-resume', { guest: guest.spec.name })).ok) guest.paused = false;
    }),
  );
}

/** An update was called off: every guest must go on, whoever stopped it; then it stands still to be looked at. */
export async function resumeAllGuests(
  parts: Needs<'plan' | 'recorder' | 'state' | 'deadlines' | 'agents' | 'view' | 'machine' | 'trace'>,
): Promise<void> {
  const here = [...parts.state.guests.values()].filter((guest) => guest.here);
  for (const guest of here) await giveBack(parts, guest);
  await resumeGuests(
    parts,
    here.filter(({ paused }) => paused),
  );
  for (const guest of here) await guestStep(parts, { op: 'guest-check', guest: guest.spec.name });
  await pauseGuests(parts);
}
