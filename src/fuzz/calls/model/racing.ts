// SPDX-License-Identifier: Apache-2.0
// Calls that are sent together with the reboot call. The kernel takes each, or is too far gone to answer: what it has
// answered with success must hold in the next kernel.
import { MAIN } from '../../../model/scenario/client.js';
import type { Operation } from '../operation.js';
import { IMPOSSIBLE, type Verdict } from './answer.js';
import { answerOf, PRESERVE } from './rules.js';
import type { Kernel } from './sessions.js';
import type { Held, LuoState } from './state.js';
import { carried } from './update.js';

export function callAtKexec(
  state: LuoState,
  operation: Operation,
  { kernel, client }: { kernel: Kernel; client: string },
): Verdict {
  if (client === MAIN || !state.clients.has(client)) return IMPOSSIBLE;
  switch (operation.op) {
    case 'create':
      return { kind: 'any', accepts: ['OK', 'EBUSY', 'EEXIST'] };
    case 'get-name':
    case 'write':
      return { kind: 'any', accepts: ['OK', 'EBUSY', 'EPERM'] };
    case 'preserve':
      return preserve(state, operation, { kernel, client });
    default:
      return IMPOSSIBLE;
  }
}

function preserve(
  state: LuoState,
  { session, file, token }: Extract<Operation, { op: 'preserve' }>,
  { kernel, client }: { kernel: Kernel; client: string },
): Verdict {
  const target = state.open(session);
  const descriptor = state.files.get(file);
  if (target?.kind !== 'outgoing' || descriptor === undefined) return IMPOSSIBLE;
  if (!state.holds('session', session, client) || !state.holds('file', file, client)) return IMPOSSIBLE;
  if (answerOf(PRESERVE, { target, token, file: descriptor, ...kernel }).kind !== 'ok') return IMPOSSIBLE;
  const seals = [...descriptor.inode.seals];
  const held: Held = { ...descriptor, file, seals, retrieved: false, changed: false, perhaps: true };
  // Whether such a loss shows would depend on who was first.
  if (carried(held, kernel.rules).changed) return IMPOSSIBLE;
  target.session.files.set(token, held);
  descriptor.inode.preservedIn = session;
  return { kind: 'any', accepts: ['OK'] };
}

/** What the last kernel's end leaves open: files that may be there are retrieved, and their sessions finished. */
export function owed(state: LuoState): Operation[] {
  return state.uncertain.flatMap((session): Operation[] => {
    if (session.state === 'gone' || session.finished) return [];
    const { name } = session;
    const client = session.state === 'handed' ? state.device : [...state.holders.of({ kind: 'session', name })][0];
    const by = client === MAIN || client == null ? {} : { by: client };
    return [
      ...(session.state === 'handed' ? [{ op: 'retrieve-session' as const, session: name, ...by }] : []),
      ...[...session.files]
        .filter(([, { perhaps, retrieved }]) => perhaps && !retrieved)
        .map(([token, { file }]) => ({ op: 'retrieve' as const, session: name, token, file, ...by })),
      { op: 'finish' as const, session: name, ...by },
    ];
  });
}

/** Whether an operation would end something before it is known whether it was there. */
export function isTooEarly(state: LuoState, operation: Operation): boolean {
  const { uncertain } = state;
  switch (operation.op) {
    case 'kexec':
    case 'abort':
      return uncertain.some(({ finished }) => !finished);
    case 'kill':
    case 'kill-agent':
      return uncertain.length > 0;
    case 'finish':
      return uncertain.some((session) => session.name === operation.session && isUntried(session));
    case 'close':
      return uncertain.some(
        (session) =>
          operation.target.kind === 'session' && session.name === operation.target.name && isUntried(session),
      );
    default:
      return false;
  }
}

function isUntried({ files }: { files: ReadonlyMap<unknown, Held> }): boolean {
  return [...files.values()].some(({ perhaps, retrieved }) => perhaps && !retrieved);
}
