// SPDX-License-Identifier: Apache-2.0
// Operations on sessions: the answer, and what they change.
import type { CallLimits } from '../limits.js';
import type { Operation } from '../operation.js';
import type { SeriesRules } from '../series.js';
import { IMPOSSIBLE, OK, type Verdict } from './answer.js';
import type { Losses } from './losses.js';
import {
  answerOf,
  CREATE,
  type DeviceCall,
  FINISH,
  GET_NAME,
  OPEN,
  PRESERVE,
  RETRIEVE,
  RETRIEVE_SESSION,
  type SessionCall,
} from './rules.js';
import type { Incoming, LuoState } from './state.js';

export type SessionOperation = Extract<
  Operation,
  { op: 'open' | 'create' | 'retrieve-session' | 'preserve' | 'retrieve' | 'finish' | 'get-name' }
>;

export interface Kernel {
  rules: SeriesRules;
  limits: CallLimits;
  /** Whether a step can make an allocation fail. */
  failsAllocations: boolean;
}

export function callSession(
  state: LuoState,
  operation: SessionOperation,
  { kernel, client, losses }: { kernel: Kernel; client: string; losses: Losses },
): Verdict {
  const device = (name: string): DeviceCall => ({ state, client, name, ...kernel });
  const opened = () => {
    state.device = client;
    state.asked = true;
  };
  switch (operation.op) {
    case 'open': {
      const answer = answerOf(OPEN, device(''));
      if (answer.kind === 'ok') opened();
      return answer;
    }
    case 'create': {
      const { session } = operation;
      if (answerOf(OPEN, device('')).kind === 'ok') opened();
      const answer = answerOf(CREATE, device(session));
      if (answer.kind === 'ok') {
        // A call on a name that two sessions have would reach either.
        if (state.open(session) !== null) return IMPOSSIBLE;
        state.outgoing.set(session, { name: session, files: new Map() });
        state.holders.made({ kind: 'session', name: session }, client);
      }
      return answer;
    }
    case 'retrieve-session': {
      const { session } = operation;
      if (answerOf(OPEN, device('')).kind === 'ok') opened();
      const answer = answerOf(RETRIEVE_SESSION, device(session));
      const incoming = state.incoming.get(session);
      if (answer.kind === 'ok' && incoming !== undefined) {
        if (state.outgoing.has(session)) return IMPOSSIBLE;
        incoming.state = 'retrieved';
        state.holders.made({ kind: 'session', name: session }, client);
      }
      return answer;
    }
    default:
      return callOpen(state, operation, { kernel, client, losses });
  }
}

function callOpen(
  state: LuoState,
  operation: Exclude<SessionOperation, { op: 'open' | 'create' | 'retrieve-session' }>,
  { kernel, client, losses }: { kernel: Kernel; client: string; losses: Losses },
): Verdict {
  const target = state.open(operation.session);
  if (target === null || !state.holds('session', operation.session, client)) return IMPOSSIBLE;
  const call: SessionCall = { target, token: 'token' in operation ? operation.token : 0, ...kernel };
  switch (operation.op) {
    case 'get-name':
      return operation.name === operation.session ? answerOf(GET_NAME, call) : IMPOSSIBLE;
    case 'finish': {
      const answer = answerOf(FINISH, call);
      if (answer.kind === 'ok' && target.kind === 'incoming') finish(target.session, losses);
      return answer;
    }
    case 'preserve': {
      const file = state.files.get(operation.file);
      if (file === undefined || !state.holds('file', operation.file, client)) return IMPOSSIBLE;
      const answer = answerOf(PRESERVE, { ...call, file });
      if (answer.kind !== 'ok') return answer;
      const seals = [...file.inode.seals];
      const held = { ...file, file: operation.file, seals, retrieved: false, changed: false };
      target.session.files.set(operation.token, held);
      file.inode.preservedIn = operation.session;
      return OK;
    }
    case 'retrieve': {
      const answer = answerOf(RETRIEVE, call);
      const held = target.session.files.get(operation.token);
      if (answer.kind !== 'ok') return answer;
      if (held === undefined || state.files.has(operation.file)) return IMPOSSIBLE;
      held.retrieved = true;
      if (held.perhaps) return { kind: 'any', accepts: ['OK', 'ENOENT'] };
      if (held.changed) losses.add('corrupt');
      held.inode.heldBy = operation.session;
      state.files.set(operation.file, { inode: held.inode, access: 'rw' });
      state.holders.made({ kind: 'file', name: operation.file }, client);
      return OK;
    }
  }
}

/** LUO lets go of the files. Those that nobody retrieved are freed. */
export function finish(session: Incoming, losses: Losses): void {
  if (session.finished) return;
  session.finished = true;
  for (const { inode, retrieved } of session.files.values()) {
    inode.heldBy = null;
    if (!retrieved) losses.add('lost');
  }
}
