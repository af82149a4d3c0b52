// SPDX-License-Identifier: Apache-2.0
// Records how an operation ended, and whether the scenario demanded that.
import { BAD_REQUEST, NO_HANDLE } from '../../guest/agent.js';
import { ClientGone, LabError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import type { Allocation } from '../agent/failing.js';
import type { StepReply } from '../agent/reply.js';
import type { Operation } from '../engine/operation.js';
import type { Needs } from '../engine/parts.js';

export interface StepEnd {
  /** Name for people. */
  target: string;
  reply: StepReply;
  /** How long it took. */
  ms: number;
  allocation?: Allocation | null;
}

export function recordStep(
  { recorder, state }: Needs<'recorder' | 'state'>,
  operation: Operation,
  { target, reply, ms, allocation = null }: StepEnd,
): void {
  if (reply.errno === BAD_REQUEST) throw notUnderstood({ recorder, state }, operation, reply);
  const { op, index, errno: demanded, accepts, origin } = operation;
  const ending = reply.ok ? 'done' : reply.errno === NO_HANDLE ? 'skipped' : 'failed';
  const got = reply.ok ? 'OK' : (reply.errno ?? 'EUNKNOWN');
  const unexpected = accepts !== undefined ? !accepts.includes(got) : demanded !== null && demanded !== got;
  const errno = reply.ok ? null : reply.errno;
  state.results.push({ operation, state: ending, errno, at: reply.at, ms, unexpected });
  recorder.event({
    kind: 'step',
    index,
    op,
    target,
    state: ending,
    errno,
    ms,
    ...(allocation === null ? {} : { allocation }),
  });
  if (unexpected) {
    const place = origin === null ? '' : `${origin.file}:${origin.line}:${origin.column}: `;
    recorder.incident({
      source: 'agent',
      side: 'inside',
      implies: null,
      title: `${op}: ${got} where ${demanded ?? accepts?.join(' or ')} was demanded`,
      detail: `${place}${op} ${target}: ${reply.at ?? ''}`,
    });
  } else if (ending === 'failed' && demanded === null && accepts === undefined) {
    recorder.incident({
      source: 'agent',
      side: 'inside',
      implies: null,
      title: `${op} failed with ${got}`,
      detail: `${op} ${target}: ${reply.at ?? ''}`,
    });
  }
}

/**
 * The lab sends no request that its agent does not understand. Before anything was preserved, this is a bug of the lab;
 * after that, an agent that says so cannot be believed any more.
 */
function notUnderstood(
  { recorder, state }: Needs<'recorder' | 'state'>,
  { op }: Operation,
  { at }: StepReply,
): LabError | ClientGone {
  const what = `the agent does not understand ${op}`;
  return recorder.epoch === 0 && state.preservedFiles().length === 0
    ? new LabError(what, { detail: at })
    : new ClientGone(`${what}${at === null ? '' : ` (${printable(at, 80)})`}`);
}
