// SPDX-License-Identifier: Apache-2.0
// Clients: who holds what, and what goes when somebody lets go.
import { MAIN } from '../../../model/scenario/client.js';
import type { Operation } from '../operation.js';
import { IMPOSSIBLE, OK, type Verdict } from './answer.js';
import type { Losses } from './losses.js';
import { finish } from './sessions.js';
import type { LuoState } from './state.js';

type ClientOperation = Extract<Operation, { op: 'client' | 'pass' | 'kill' | 'kill-agent' | 'close' }>;

/** @param epoch the running kernel; 0 is the first one */
export function callClient(
  state: LuoState,
  operation: ClientOperation,
  { client, losses, epoch }: { client: string; losses: Losses; epoch: number },
): Verdict {
  switch (operation.op) {
    case 'client':
      if (state.clients.has(operation.client) || operation.client === MAIN) return IMPOSSIBLE;
      state.clients.add(operation.client);
      return OK;
    case 'pass': {
      const { from, to, what } = operation;
      // No sequence makes descriptors of other kinds.
      if (what.kind === 'descriptor') return IMPOSSIBLE;
      const exists = (name: string) => name === MAIN || state.clients.has(name);
      const open = what.kind === 'session' ? state.open(what.name) !== null : state.files.has(what.name);
      if (!exists(from) || !exists(to) || from === to || !open) return IMPOSSIBLE;
      if (!state.holds(what.kind, what.name, from) || state.holds(what.kind, what.name, to)) return IMPOSSIBLE;
      state.holders.passed(what, to);
      return OK;
    }
    case 'kill':
      return state.clients.delete(operation.client) ? lose(state, operation.client, { losses, epoch }) : IMPOSSIBLE;
    case 'kill-agent':
      return lose(state, MAIN, { losses, epoch });
    case 'close':
      return close(state, operation.target, { client, losses });
  }
}

/** A client ends, and so does what only this client held. */
function lose(state: LuoState, client: string, { losses, epoch }: { losses: Losses; epoch: number }): Verdict {
  const only = (kind: 'session' | 'file', name: string) =>
    state.holds(kind, name, client) && state.holders.of({ kind, name }).size === 1;
  const files = [...state.files.keys()].filter((name) => only('file', name));
  // Whether a file came back is judged later, when it is gone.
  if (epoch > 0 && files.length > 0) return IMPOSSIBLE;
  if (state.device === client) state.device = null;
  for (const name of [...state.outgoing.keys(), ...state.incoming.keys()]) {
    if (state.open(name) === null || !state.holds('session', name, client)) continue;
    const held = state.outgoing.get(name)?.files.size ?? 0;
    if (!state.holders.dropped({ kind: 'session', name }, client)) continue;
    if (held > 0) losses.add('lost');
    release(state, name, losses);
  }
  for (const name of state.files.keys()) {
    if (!state.holds('file', name, client)) continue;
    if (state.holders.dropped({ kind: 'file', name }, client)) state.files.delete(name);
  }
  return OK;
}

function close(
  state: LuoState,
  target: Extract<Operation, { op: 'close' }>['target'],
  { client, losses }: { client: string; losses: Losses },
): Verdict {
  if (target.kind === 'device') {
    if (state.device !== client) return IMPOSSIBLE;
    state.device = null;
    return OK;
  }
  const { kind, name } = target;
  const open = kind === 'session' ? state.open(name) !== null : state.files.has(name);
  if (!open || !state.holds(kind, name, client)) return IMPOSSIBLE;
  if (!state.holders.dropped(target, client)) return OK;
  if (kind === 'session') release(state, name, losses);
  else state.files.delete(name);
  return OK;
}

/** The last descriptor of a session is closed. */
function release(state: LuoState, name: string, losses: Losses): void {
  const target = state.open(name);
  if (target?.kind === 'incoming') {
    finish(target.session, losses);
    target.session.state = 'gone';
  } else if (target?.kind === 'outgoing') {
    for (const { inode } of target.session.files.values()) inode.preservedIn = null;
    state.outgoing.delete(name);
  }
}
