// SPDX-License-Identifier: Apache-2.0
// Judges the sessions that were handed over, also empty ones. Each must be retrieved, finished and closed without an
// error, unless the scenario expects one.
import type { ExpectedSession, SessionOp } from '../state/session.js';
import type { Outcome } from '../../model/result/outcome.js';
import type { Action } from '../../model/scenario/scenario.js';
import type { Needs } from '../engine/parts.js';
import type { RunState } from '../state/run-state.js';
import type { Demand } from '../engine/operation.js';
import { declaresFailure, type StepReply } from '../agent/reply.js';

const TITLES: Readonly<Record<SessionOp, string>> = {
  'retrieve-session': 'a session is lost',
  finish: 'a session cannot be finished',
  close: 'a session cannot be closed',
};

/** The carried session that a step works on, and the operation; null for other steps. */
function sessionOpOf(state: RunState, operation: Action): { session: ExpectedSession; op: SessionOp } | null {
  const name =
    operation.op === 'retrieve-session' || operation.op === 'finish'
      ? operation.session
      : operation.op === 'close' && operation.target.kind === 'session'
        ? operation.target.name
        : null;
  const session = name === null ? undefined : state.expectedSessions.get(name);
  if (
    session === undefined ||
    (operation.op !== 'retrieve-session' && operation.op !== 'finish' && operation.op !== 'close')
  )
    return null;
  // The running kernel may have its own session of the same name.
  if (operation.op !== 'retrieve-session' && state.sessions.get(session.name)?.kind !== 'incoming') return null;
  return { session, op: operation.op };
}

/** Notes the result of one operation on a carried session. Called before the step changes the list of sessions. */
export function noteSession(state: RunState, operation: Action & Demand, reply: StepReply): void {
  const sessionOp = sessionOpOf(state, operation);
  if (sessionOp === null) return;
  const { session, op } = sessionOp;
  if (reply.ok) {
    session.failed.delete(op);
    if (op === 'retrieve-session') session.retrieved = true;
  } else if (!declaresFailure(operation, reply.errno) && !(op === 'retrieve-session' && session.retrieved)) {
    session.failed.set(op, `${reply.errno ?? 'no reason'}${reply.at === null ? '' : ` (${reply.at})`}`);
  }
}

/** @param pagesLeaked pages that the update leaked: a session that cannot be finished or closed keeps what it holds */
export function judgeSessions({ recorder, state }: Needs<'recorder' | 'state'>, pagesLeaked: number): void {
  for (const session of state.expectedSessions.values()) {
    for (const [op, why] of session.failed) {
      const filesMissing = [...state.expected.values()].some(
        (file) => file.session === session.name && file.retrieved === null && file.closed === undefined,
      );
      const implies = meaning(op, { filesMissing, pagesLeaked });
      recorder.incident({
        source: 'agent',
        side: 'inside',
        implies,
        title: TITLES[op],
        detail: `${session.name}: ${op} failed with ${why}`,
      });
    }
    // Report each failure once; later failures are reported by the next call.
    session.failed.clear();
  }
}

function meaning(
  op: SessionOp,
  { filesMissing, pagesLeaked }: { filesMissing: boolean; pagesLeaked: number },
): Outcome | null {
  // The files of a lost session say more than the session: their pages are leaked or lost.
  if (op === 'retrieve-session') return filesMissing ? null : 'lost';
  return pagesLeaked > 0 ? 'leak' : 'lost';
}
