// SPDX-License-Identifier: Apache-2.0
// How an operation ended, written down, and whether that is what the scenario demanded.
import { BAD_REQUEST, NO_HANDLE } from '../../guest/agent.js';
import { ClientGone, LabError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import type { StepReply } from '../agent/reply.js';
import type { Operation } from '../engine/operation.js';
import type { Needs } from '../engine/parts.js';

export interface StepEnd {
  /** Name for people. */
  target: string;
  reply: StepReply;
  /** How long it took. */
  ms: number;
}

export function recordStep(
  { recorder, state }: Needs<'recorder' | 'state'>,
  operation: Operation,
  { target, reply, ms }: StepEnd,
): void {
  if (reply.errno === BAD_REQUEST) throw notUnderstood({ recorder, state }, operation, reply);
  const { op, index, errno: demanded, accepts, origin } = operation;
  const how = reply.ok ? 'done' : reply.errno === NO_HANDLE ? 'skipped' : 'failed';
  const got = reply.ok ? 'OK' : (reply.errno ?? 'EUNKNOWN');
  const unexpected = accepts !== undefined ? !accepts.includes(got) : demanded !== null && demanded !== got;
  const errno = reply.ok ? null : reply.errno;
  state.results.push({ operation, state: how, errno, at: reply.at, ms, unexpected });
  recorder.event({ kind: 'step', index, op, target, state: how, errno, ms });
  if (unexpected) {
    const place = origin === null ? '' : `${origin.file}:${origin.line}:${origin.column}: `;
    recorder.incident({
      source: 'agent',
      side: 'inside',
      implies: null,
      title: `${op}: ${got} where ${demanded ?? accepts?.join(' or ')} was demanded`,
      detail: `${place}${op} ${target}: ${reply.at ?? ''}`,
    });
  } else if (how === 'failed' && demanded === null && accepts === undefined) {
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
 * The lab asks nothing that its agent does not understand. Once something was handed over, an agent that says so cannot
 * be believed any more.
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
