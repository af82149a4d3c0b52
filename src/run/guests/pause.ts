// SPDX-License-Identifier: Apache-2.0
// Pauses guests while an update is judged. A running guest takes processor time from the checks, and the vCPU of the
// machine that runs it shows the guest's page tables instead of the kernel's.
import type { Needs } from '../engine/parts.js';
import { askGuest, statGuest } from './calls.js';
import { giveBack } from './devices.js';
import type { GuestState } from '../state/guest.js';
import { guestStep } from './steps.js';

/**
 * Pauses every running guest and reads the state of each that was not read before.
 * @returns the guests that it paused
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
      // A dead guest cannot be paused: its state says so.
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

/** After an update that was called off: resumes and checks every guest, then pauses all of them to be inspected. */
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
