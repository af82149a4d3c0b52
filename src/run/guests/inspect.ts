// SPDX-License-Identifier: Apache-2.0
// Inspects guests from outside, page by page in the memory of the paused machine: right before the kexec, in the next
// kernel before they are resumed, and again after that.
import { isGuestFile } from '../../model/scenario/guest.js';
import { checkChain, type ChainView, landingPage, Links, Snapshot } from '../../oracles/guest/index.js';
import { lookOutside, type PfnRun } from '../../oracles/files/outside.js';
import { PAGE } from '../../oracles/files/pattern.js';
import type { Needs } from '../engine/parts.js';
import type { GuestState } from '../state/guest.js';
import { reader } from '../machine/view.js';

/** Right before the kexec: takes a snapshot of every page of every guest and recomputes the chains of bare guests. */
export async function inspectGuestsBeforeKexec(parts: Needs<'recorder' | 'state' | 'view'>): Promise<void> {
  const { state, view, recorder } = parts;
  const files = state.preservedFiles().filter(({ pattern }) => pattern instanceof Snapshot);
  if (files.length === 0) return;
  await parts.view.whilePaused(async () => {
    for (const file of files) {
      file.before = await view.scan((file.pattern as Snapshot).take(reader(view), file.runs));
      const { different, pages } = file.before;
      if (different > 0)
        recorder.witnesses.blind(
          'guest',
          recorder.epoch + 1,
          `${different} of ${pages} pages of ${file.name} could not be read from outside before the kexec`,
        );
      if (file.spec.kind !== 'guest-ram') continue;
      const guest = state.guests.get(file.spec.guest.name);
      if (guest === undefined) continue;
      guest.now.chain = await inspectChain(parts, guest, file.runs, 'before the kexec');
      allowLandings(file.pattern as Snapshot, guest);
    }
  });
  recorder.event({
    kind: 'note',
    text: `${files.length} files of guests were inspected from outside before the kexec`,
  });
}

/**
 * A device may still be transferring to memory while its guest is paused. The page that it writes to may then change to
 * what the guest had sent to the device.
 */
function allowLandings(snapshot: Snapshot, { spec, now }: GuestState): void {
  const links = new Links(spec.seed);
  for (const [device, { phase, transfer }] of (now.chain?.control?.devices ?? []).entries()) {
    if (phase === 'gives') snapshot.allow(landingPage(spec, device), links.transfer(device, transfer));
  }
}

/**
 * Before guests are resumed: every page must be unchanged and in its place, and the chains must still hold. Skips files
 * that were inspected before.
 */
export async function inspectArrival(parts: Needs<'recorder' | 'state' | 'view'>): Promise<void> {
  const { state, view, recorder } = parts;
  const fresh = [...state.expected.values()].filter(
    ({ spec, retrieved }) => isGuestFile(spec) && retrieved !== null && retrieved.arrival === undefined,
  );
  if (fresh.length === 0) return;
  await parts.view.whilePaused(async () => {
    for (const { name, spec, pattern, runs, retrieved } of fresh) {
      if (retrieved === null) continue;
      const look = (retrieved.arrival = await view.scan(lookOutside(reader(view), pattern, runs)));
      recorder.event({
        kind: 'oracle',
        oracle: `pages of ${name} before it is resumed`,
        side: 'outside',
        ok: look.different === 0,
        detail:
          look.different === 0
            ? `${look.pages} pages`
            : `${look.different} of ${look.pages} pages changed, first page ${look.first?.page}`,
      });
      const guest = spec.kind === 'guest-ram' ? state.guests.get(spec.guest.name) : undefined;
      if (guest !== undefined) guest.arrival = await inspectChain(parts, guest, runs, 'after the kexec');
    }
  });
}

/** Checks the chain of a bare guest in its physical pages; null for other guests, and where its pages are not known. */
export async function inspectChain(
  { view, recorder }: Needs<'recorder' | 'view'>,
  { spec }: GuestState,
  runs: readonly PfnRun[],
  when: string,
): Promise<ChainView | null> {
  if (spec.kind !== 'bare' || runs.length === 0) return null;
  const guest = { seed: spec.seed, vcpus: spec.vcpus, devices: spec.devices.length, pages: spec.size / PAGE };
  const look = await view.scan(checkChain(reader(view), runs, guest));
  recorder.event({
    kind: 'oracle',
    oracle: `chain of ${spec.name} ${when}`,
    side: 'outside',
    ok: look.bad === 0,
    detail:
      look.bad === 0
        ? `${look.pages} pages, ${look.ticks} ticks, ${look.links} links`
        : `${look.bad} pages break it; page ${look.first?.page}: ${look.first?.what}`,
  });
  return look;
}
