// SPDX-License-Identifier: Apache-2.0
// The steps of a recovery by one more update, which carries the guests that survived.
import { guestFiles } from '../../model/scenario/guest.js';
import type { Action } from '../../model/scenario/scenario.js';

/** Name of the session that carries the guests. */
const SESSION = 'recovery';

/** The steps in the old kernel. */
export function departure(guests: readonly string[]): Action[] {
  return [
    { op: 'create', session: SESSION },
    ...guests.flatMap((guest, i): Action[] => {
      const { ram, state } = guestFiles(guest);
      return [
        { op: 'preserve', session: SESSION, file: ram, token: 2 * i + 1 },
        { op: 'preserve', session: SESSION, file: state, token: 2 * i + 2 },
      ];
    }),
    { op: 'load', via: 'file' },
    ...guests.map((guest): Action => ({ op: 'guest-pause', guest })),
    ...guests.map((guest): Action => ({ op: 'guest-save', guest, version: null })),
    { op: 'kexec' },
  ];
}

/** The steps in the next kernel. */
export function arrival(guests: readonly string[]): Action[] {
  return [
    { op: 'retrieve-session', session: SESSION },
    ...guests.flatMap((guest, i): Action[] => {
      const { ram, state } = guestFiles(guest);
      return [
        { op: 'retrieve', session: SESSION, token: 2 * i + 1, file: ram },
        { op: 'retrieve', session: SESSION, token: 2 * i + 2, file: state },
      ];
    }),
    ...guests.map((guest): Action => ({ op: 'guest-restore', guest, ...guestFiles(guest), skip: [], reads: null })),
    ...guests.map((guest): Action => ({ op: 'guest-resume', guest })),
    ...guests.map((guest): Action => ({ op: 'guest-check', guest })),
    { op: 'finish', session: SESSION },
    { op: 'close', target: { kind: 'session', name: SESSION } },
  ];
}
