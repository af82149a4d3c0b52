// SPDX-License-Identifier: Apache-2.0
// What became of the sessions that were handed over. One that holds files is judged by them; an empty one is carried
// too, and each must come back, be finished and be closed, unless the scenario says that it is refused.
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

/** Which of the carried sessions a step asks something of, and what; null for other steps. */
function askedOf(state: RunState, operation: Action): { session: ExpectedSession; op: SessionOp } | null {
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
  // The running kernel may have a session of its own under the same name.
  if (operation.op !== 'retrieve-session' && state.sessions.get(session.name)?.kind !== 'incoming') return null;
  return { session, op: operation.op };
}

/** Takes down how a carried session fared in one operation. Called before the step changes which sessions there are. */
export function noteSession(state: RunState, operation: Action & Demand, reply: StepReply): void {
  const asked = askedOf(state, operation);
  if (asked === null) return;
  const { session, op } = asked;
  if (reply.ok) {
    session.failed.delete(op);
    if (op === 'retrieve-session') session.retrieved = true;
  } else if (!declaresFailure(operation, reply.errno) && !(op === 'retrieve-session' && session.retrieved)) {
    session.failed.set(op, `${reply.errno ?? 'no reason'}${reply.at === null ? '' : ` (${reply.at})`}`);
  }
}

/** @param pagesLeaked by the update: a session that cannot be finished or closed keeps what it holds */
export function judgeSessions({ recorder, state }: Needs<'recorder' | 'state'>, pagesLeaked: number): void {
  for (const session of state.expectedSessions.values()) {
    for (const [op, why] of session.failed) {
      const missing = [...state.expected.values()].some(
        (file) => file.session === session.name && file.retrieved === null && file.closed === undefined,
      );
      const implies = meaning(op, missing, pagesLeaked);
      recorder.incident({
        source: 'agent',
        side: 'inside',
        implies,
        title: TITLES[op],
        detail: `${session.name}: ${op} failed with ${why}`,
      });
    }
    // Told once; what fails later is told then.
    session.failed.clear();
  }
}

/** @param missing files of it did not come back */
function meaning(op: SessionOp, missing: boolean, pagesLeaked: number): Outcome | null {
  // What was in it says more than that it did not come back: pages that stay are leaked, others are lost.
  if (op === 'retrieve-session') return missing ? null : 'lost';
  return pagesLeaked > 0 ? 'leak' : 'lost';
}
