// SPDX-License-Identifier: Apache-2.0
// At the jump, and when the next kernel is up: lists what is handed over, and takes the fingerprint of every page.
import { HandoverError, listPages } from '../../../handover/index.js';
import { isGuestFile } from '../../../model/scenario/guest.js';
import { reaches } from '../../../model/result/snapshot.js';
import { Fingerprints } from '../../../oracles/handed-over/fingerprints.js';
import { lookAtArrival } from '../../../oracles/handed-over/follow.js';
import type { RunPlan } from '../../engine/plan.js';
import type { Needs } from '../../engine/parts.js';
import type { MarkedPages } from '../../machine/marked-pages.js';
import { reader } from '../../machine/view.js';
import { outgoing } from '../../update/handover.js';
import { keyOf, keyOfKnown } from './key.js';
import { metadataOfPages } from './metadata.js';
import type { FollowedPages } from './state.js';

/** Whether the run asks for it, and the lab knows the layouts of the sessions of this kernel, not only its marks. */
export function canFollow({ follow, formats }: Pick<RunPlan, 'follow' | 'formats'>, epoch: number): boolean {
  return (
    follow &&
    formats[epoch]?.structures.some(({ name }) => name === 'kho_vmalloc_chunk' || name === 'luo_file_ser') === true
  );
}

/** Why pages cannot be followed that may be handed over; null if nobody asks, or the kernel has no sessions. */
function cannotFollow(
  { follow, formats, unread, kernels }: Pick<RunPlan, 'follow' | 'formats' | 'unread' | 'kernels'>,
  epoch: number,
): { blind: string } | null {
  if (!follow || canFollow({ follow, formats }, epoch)) return null;
  const format = formats[epoch];
  if (format != null && format.handlers === null) return null;
  const name = kernels[epoch]?.name ?? 'this kernel';
  return { blind: unread?.[epoch] ?? `${name}: the layouts of what it hands over are not known` };
}

/** Call it when the machine stands at the jump, before a fault changes anything. */
export async function takeFingerprints(parts: Needs<'plan' | 'recorder' | 'state' | 'view'>): Promise<void> {
  const { plan, state, view, recorder } = parts;
  state.followed = cannotFollow(plan, recorder.epoch);
  if (!canFollow(plan, recorder.epoch)) return;
  const { resumed } = plan;
  if (resumed !== null && resumed.rung !== 'jump' && reaches(resumed.rung, 'jump') && recorder.epoch === 0) {
    state.followed = { blind: `the run started from a machine that was saved after the jump (${resumed.rung})` };
    return;
  }
  const started = recorder.clock.now();
  try {
    const listing = listPages(await outgoing(parts));
    const inodeOf = await metadataOfPages(parts);
    const files: FollowedPages[] = listing.listed.map((each) => ({
      ...each,
      before: each.memfd === null ? null : inodeOf(each.runs),
      arrival: null,
    }));
    if (listing.unclaimed.length > 0)
      files.push({
        kind: 'others',
        session: null,
        name: 'pages that no list names',
        handler: '',
        runs: listing.unclaimed.map(({ pfn, count }) => ({ page: pfn, pfn, count })),
        problem: null,
        before: null,
        arrival: null,
      });
    const prints = await view.scan(
      Fingerprints.take(
        reader(view),
        files.flatMap(({ runs }) => runs),
      ),
    );
    state.followed = {
      listing,
      files,
      prints,
      ms: recorder.clock.now() - started,
      touched: new Set(state.touched),
      patterns: new Map(),
    };
    recorder.event({
      kind: 'oracle',
      oracle: 'fingerprints at the jump',
      side: 'outside',
      ok: listing.problems.length === 0 && prints.missing === 0,
      detail: [
        `${prints.pages} pages of ${listing.listed.length} files in ${listing.sessions} sessions`,
        ...(prints.missing === 0 ? [] : [`${prints.missing} pages have none`]),
        ...listing.problems,
      ].join('; '),
    });
  } catch (error) {
    if (!(error instanceof HandoverError)) throw error;
    state.followed = { blind: error.message };
  }
}

/** The machine went on without a stop at the jump. */
export function missedTheJump({ plan, state, recorder }: Needs<'plan' | 'recorder' | 'state'>): void {
  state.followed = canFollow(plan, recorder.epoch)
    ? { blind: 'the machine did not stop at the jump' }
    : cannotFollow(plan, recorder.epoch);
}

/** Call it when the next kernel is up, and nothing has opened /dev/liveupdate. */
export async function followArrival(
  parts: Needs<'state' | 'view' | 'recorder'>,
  marked: MarkedPages | null,
): Promise<void> {
  const { state, view, recorder } = parts;
  const started = recorder.clock.now();
  const { followed } = state;
  if (followed === null || 'blind' in followed) return;
  if (marked === null) {
    state.followed = { blind: "the kernel's array of pages was not found from outside" };
    return;
  }
  for (const { session, token, name, pattern, spec } of [...state.expected.values(), ...state.reserved]) {
    // A guest writes to its memory.
    if (!isGuestFile(spec)) followed.patterns.set(keyOfKnown({ session, token, name }), pattern);
  }
  for (const file of followed.files) {
    // The other judge knows what the lab's own files hold. Hashing them once less makes a run a few percent shorter.
    const prints = followed.patterns.has(keyOf(file)) ? null : followed.prints;
    file.arrival = await view.scan(lookAtArrival(reader(view), file.runs, { marked: marked.index, prints }));
  }
  followed.ms += recorder.clock.now() - started;
}
