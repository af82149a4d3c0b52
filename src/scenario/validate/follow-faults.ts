// SPDX-License-Identifier: Apache-2.0
// Checks that the target of a fault exists at that step.
import { type FileRef, type Place, placesOf } from '../../model/scenario/place.js';
import type { Fault } from '../../model/scenario/scenario.js';
import type { Held, SessionFollower } from './follow-sessions.js';
import { PAGE } from '../schema/limits.js';
import { shown } from '../source/problem.js';
import type { Draft } from '../steps/step-list.js';

export function followFlip(flip: { file: string; page: number }, draft: Draft, sessions: SessionFollower): void {
  const memfd = sessions.everMade.get(flip.file);
  const path = [...draft.path, 'flip'];
  if (!memfd) {
    sessions.unknown('file', 'was made before', flip.file, sessions.everMade.keys(), {
      ...draft,
      path: [...path, 'file'],
    });
  } else if (flip.page * PAGE >= memfd.size && memfd.kind !== 'guest-state') {
    sessions.problems.add(
      [...path, 'page'],
      `expected a page below ${Math.ceil(memfd.size / PAGE)}, because ${shown(flip.file)} has that many; ` +
        `found ${flip.page}`,
    );
  }
}

export function followChange(
  fault: Extract<Fault, { kind: 'change' }>,
  step: { epoch: number; at: 'now' | 'jump' },
  draft: Draft,
  sessions: SessionFollower,
): void {
  // A step of its own after the first kexec changes the incoming handover. A fault at the jump always changes the
  // outgoing one.
  if (draft.path[0] === 'steps' && step.epoch > 0 && step.at === 'now') fault.side = 'incoming';
  const { how } = fault.change;
  const words = ['place', how];
  for (const [index, place] of placesOf(fault).entries())
    followPlace(place, fault, { ...draft, path: [...draft.path, 'change', words[index] ?? how] }, sessions);
}

function followPlace(
  place: Place,
  fault: Extract<Fault, { kind: 'change' }>,
  at: Draft,
  sessions: SessionFollower,
): void {
  const known = fault.side === 'incoming' ? sessions.handed : sessions.outgoing;
  const name = 'session' in place ? place.session : 'file' in place ? place.file.session : null;
  if (name === null) return;
  const held = known.get(name) ?? sessions.handed.get(name);
  // A session of a program is known only in the machine's memory.
  if (!held && sessions.foreign) return;
  if (!held) sessions.unknown('session', 'was created before', name, [...known.keys(), ...sessions.handed.keys()], at);
  else if ('file' in place) settleToken(place.file, held, at, sessions);
}

/** A place may have the file's name instead of its token. */
function settleToken(file: FileRef, held: Held, at: Draft, sessions: SessionFollower): void {
  if (held.has(file.token) || sessions.hasDescriptor(file.session, file.token)) return;
  const names = [...held].flatMap(([token, memfd]) => [
    String(token),
    memfd.file.slice(memfd.file.lastIndexOf('/') + 1),
  ]);
  const found = [...held].find(
    ([, memfd]) => memfd.file === file.file || memfd.file === `${file.session}/${file.file}`,
  );
  if (found) file.token = found[0];
  else
    sessions.unknown('file', `of session ${shown(file.session)} was preserved before`, file.file, new Set(names), at);
}
