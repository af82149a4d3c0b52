// SPDX-License-Identifier: Apache-2.0
// Guests seen from outside, page by page in the machine's memory, while the machine is held still: as the old kernel
// leaves them, as the next one has them before they go on, and once they have.
import { isGuestFile } from '../../model/scenario/guest.js';
import { checkChain, type ChainView, landingPage, Links, Snapshot } from '../../oracles/guest/index.js';
import { inspectOutside, type PfnRun } from '../../oracles/files/outside.js';
import { PAGE } from '../../oracles/files/pattern.js';
import type { Needs } from '../engine/parts.js';
import type { GuestState } from '../state/guest.js';
import { reader } from '../machine/view.js';

/** Right before the kexec: what every page of every guest holds is kept, and the bare guests' chains are recomputed. */
export async function inspectGuestsBeforeKexec(parts: Needs<'recorder' | 'state' | 'view'>): Promise<void> {
  const { state, view, recorder } = parts;
  const files = state.held().filter(({ pattern }) => pattern instanceof Snapshot);
  if (files.length === 0) return;
  await parts.view.whilePaused(() => {
    for (const file of files) {
      file.before = (file.pattern as Snapshot).take(reader(view), file.runs);
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
      guest.now.chain = inspectChain(parts, guest, file.runs, 'before the kexec');
      allowLandings(file.pattern as Snapshot, guest);
    }
  });
  recorder.event({
    kind: 'note',
    text: `${files.length} files of guests were looked at from outside before the kexec`,
  });
}

/**
 * A transfer out of a device may be under way while its guest stands still: the page may become what the guest had sent
 * in.
 */
function allowLandings(snapshot: Snapshot, { spec, now }: GuestState): void {
  const links = new Links(spec.seed);
  for (const [device, { phase, transfer }] of (now.chain?.control?.devices ?? []).entries()) {
    if (phase === 'gives') snapshot.allow(landingPage(spec, device), links.transfer(device, transfer));
  }
}

/**
 * Before guests go on: every page must be what it was, and where it was, and the chains must still hold. Files that
 * were looked at already are left out.
 */
export async function inspectArrival(parts: Needs<'recorder' | 'state' | 'view'>): Promise<void> {
  const { state, view, recorder } = parts;
  const fresh = [...state.carried.values()].filter(
    ({ spec, retrieved }) => isGuestFile(spec) && retrieved !== null && retrieved.arrival === undefined,
  );
  if (fresh.length === 0) return;
  await parts.view.whilePaused(() => {
    for (const { name, spec, pattern, runs, retrieved } of fresh) {
      if (retrieved === null) continue;
      const look = (retrieved.arrival = inspectOutside(reader(view), pattern, runs));
      recorder.event({
        kind: 'oracle',
        oracle: `pages of ${name} before it goes on`,
        side: 'outside',
        ok: look.different === 0,
        detail:
          look.different === 0
            ? `${look.pages} pages`
            : `${look.different} of ${look.pages} pages changed, first page ${look.first?.page}`,
      });
      const guest = spec.kind === 'guest-ram' ? state.guests.get(spec.guest.name) : undefined;
      if (guest !== undefined) guest.arrival = inspectChain(parts, guest, runs, 'after the kexec');
    }
  });
}

/** The chain of a bare guest from its physical pages; null for others, and where nobody knows the pages. */
export function inspectChain(
  { view, recorder }: Needs<'recorder' | 'view'>,
  { spec }: GuestState,
  runs: readonly PfnRun[],
  when: string,
): ChainView | null {
  if (spec.kind !== 'bare' || runs.length === 0) return null;
  const look = checkChain(reader(view), runs, {
    seed: spec.seed,
    vcpus: spec.vcpus,
    devices: spec.devices.length,
    pages: spec.size / PAGE,
  });
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
