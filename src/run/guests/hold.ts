// SPDX-License-Identifier: Apache-2.0
// While an update is judged its guests stand still: they would take the processor from whoever looks, and a vCPU of the
// machine that runs a guest shows the guest's page tables instead of the kernel's.
import type { RunContext } from '../engine/context.js';
import { askGuest, statGuest } from './calls.js';
import { giveBack } from './devices.js';
import type { GuestState } from './state.js';
import { guestStep } from './steps.js';

/**
 * Stops every guest that runs, and asks those that nobody has asked yet how they are.
 * @returns those that it stopped
 */
export async function holdGuests(context: RunContext): Promise<GuestState[]> {
  const running = [...context.state.guests.values()].filter(({ here, paused }) => here && !paused);
  await Promise.all(
    running.map(async (guest) => {
      const { name } = guest.spec;
      const [pause, stat] = [
        askGuest(context, 'guest-pause', { guest: name }),
        guest.now.stat === null ? statGuest(context, name) : null,
      ];
      stat?.catch(() => undefined);
      // One that is dead cannot be stopped: its state says so.
      if ((await pause).ok) guest.paused = true;
      guest.now.stat ??= await stat;
    }),
  );
  return running.filter(({ paused }) => paused);
}

export async function letGuestsGo(context: RunContext, guests: readonly GuestState[]): Promise<void> {
  await Promise.all(
    guests.map(async (guest) => {
      if ((await askGuest(context, 'guest-resume', { guest: guest.spec.name })).ok) guest.paused = false;
    }),
  );
}

/** An update was called off: every guest must go on, whoever stopped it; then it stands still to be looked at. */
export async function letAllGoOn(context: RunContext): Promise<void> {
  const here = [...context.state.guests.values()].filter((guest) => guest.here);
  for (const guest of here) await giveBack(context, guest);
  await letGuestsGo(
    context,
    here.filter(({ paused }) => paused),
  );
  for (const guest of here) await guestStep(context, { op: 'guest-check', guest: guest.spec.name });
  await holdGuests(context);
}
