// SPDX-License-Identifier: Apache-2.0
// What a kexec makes of sessions and files, and what is left when a kernel is done.
import { type Seal, withImplied } from '../../../model/scenario/file-steps.js';
import type { SeriesRules } from '../series.js';
import { reservesBeyondEnd } from './files.js';
import type { Losses } from './losses.js';
import type { Held, Incoming, Inode, LuoState, Session } from './state.js';

/** The sessions that the next kernel gets. Without a handover there is none, and what they held is lost. */
export function handOver(
  outgoing: ReadonlyMap<string, Session>,
  { rules, way, losses }: { rules: SeriesRules; way: 'file' | 'legacy'; losses: Losses },
): Map<string, Incoming> {
  if (way === 'legacy') {
    if ([...outgoing.values()].some(({ files }) => files.size > 0)) losses.add('lost');
    return new Map();
  }
  return new Map(
    [...outgoing].map(([name, { files }]) => [
      name,
      {
        name,
        files: new Map([...files].map(([token, held]) => [token, carried(held, rules)])),
        state: 'handed',
        finished: false,
      },
    ]),
  );
}

/** A file as the handler of memfds brings it back (its documentation; scenarios/cases/memfd-*.yaml). */
export function carried(held: Held, { seals: fate }: SeriesRules): Held {
  const { inode, access, seals: noted } = held;
  const seals = sealsAfter(noted, fate);
  const sameSeals = seals.size === inode.seals.size && [...seals].every((seal) => inode.seals.has(seal));
  const changed = access === 'r' || inode.noexec || reservesBeyondEnd(inode) || !sameSeals;
  const next: Inode = { ...inode, seals, noexec: false, reserved: 0, preservedIn: null, heldBy: null };
  return { ...held, inode: next, access: 'rw', retrieved: false, changed };
}

function sealsAfter(noted: readonly Seal[], fate: SeriesRules['seals']): Set<Seal> {
  // The new memfd cannot be sealed at all.
  if (fate === 'lost') return new Set(['seal']);
  return new Set(withImplied(noted, { executable: true }));
}

/** The running kernel has no more steps: what it was given and did not take stays behind. */
export function leaveBehind(state: LuoState, losses: Losses): void {
  if (state.incoming.size > 0 && !state.asked) losses.add('leak');
  for (const session of state.incoming.values()) {
    if (session.finished || session.state === 'gone') continue;
    for (const { inode, retrieved } of session.files.values())
      // An empty file has no page that could leak.
      if (!retrieved) losses.add(inode.size === 0 ? 'lost' : 'leak');
    if (session.state === 'retrieved' && session.files.size > 0) losses.add('leak');
  }
}
