// SPDX-License-Identifier: Apache-2.0
// Checks that the target of a fault exists at that step.
import { type FileRef, type Place, placesOf } from '../../model/scenario/place.js';
import type { Fault } from '../../model/scenario/scenario.js';
import type { DescriptorFollower } from './follow-descriptors.js';
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

/** What exists at the step of the fault. */
interface Known {
  sessions: SessionFollower;
  descriptors: DescriptorFollower;
}

export function followChange(
  fault: Extract<Fault, { kind: 'change' }>,
  step: { epoch: number; at: 'now' | 'jump' },
  draft: Draft,
  known: Known,
): void {
  // A step of its own after the first kexec changes the incoming handover. A fault at the jump always changes the
  // outgoing one.
  if (draft.path[0] === 'steps' && step.epoch > 0 && step.at === 'now') fault.side = 'incoming';
  const { how } = fault.change;
  const words = ['place', how];
  for (const [index, place] of placesOf(fault).entries())
    followPlace(place, fault, { ...draft, path: [...draft.path, 'change', words[index] ?? how] }, known);
}

function followPlace(place: Place, fault: Extract<Fault, { kind: 'change' }>, at: Draft, known: Known): void {
  const { sessions } = known;
  const here = fault.side === 'incoming' ? sessions.handed : sessions.outgoing;
  const name = 'session' in place ? place.session : 'file' in place ? place.file.session : null;
  if (name === null) return;
  const held = here.get(name) ?? sessions.handed.get(name);
  // A session of a program is known only in the machine's memory.
  if (!held && sessions.foreign) return;
  if (!held) sessions.unknown('session', 'was created before', name, [...here.keys(), ...sessions.handed.keys()], at);
  else if ('file' in place) settleToken(place.file, held, at, known);
}

/** A place may have the file's name instead of its token. */
function settleToken(file: FileRef, held: Held, at: Draft, { sessions, descriptors }: Known): void {
  if (held.has(file.token) || descriptors.isPreserved(file)) return;
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
