// SPDX-License-Identifier: Apache-2.0
// How a step ended, written down, and whether that is what the scenario demanded.
import { BAD_REQUEST, NO_HANDLE } from '../../guest/agent.js';
import type { Step } from '../../model/scenario/scenario.js';
import { ClientGone, LabError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import type { RunContext } from '../engine/context.js';
import type { StepReply } from '../agent/reply.js';

/** @param ms how long it took */
export function finishStep(
  context: RunContext,
  step: Step,
  index: number,
  target: string,
  reply: StepReply,
  ms: number,
): void {
  if (reply.errno === BAD_REQUEST) throw notUnderstood(context, step, reply);
  const skipped = reply.errno === NO_HANDLE;
  const state = reply.ok ? 'done' : skipped ? 'skipped' : 'failed';
  const got = reply.ok ? 'OK' : (reply.errno ?? 'EUNKNOWN');
  const unexpected =
    step.accepts !== undefined ? !step.accepts.includes(got) : step.errno !== null && step.errno !== got;
  context.state.results.push({
    step,
    index,
    state,
    errno: reply.ok ? null : reply.errno,
    at: reply.at,
    ms,
    unexpected,
  });
  context.recorder.event({ kind: 'step', index, op: step.op, target, state, errno: reply.ok ? null : reply.errno, ms });
  if (unexpected) {
    context.recorder.incident({
      source: 'agent',
      side: 'inside',
      implies: null,
      title: `${step.op}: ${got} where ${step.errno ?? step.accepts?.join(' or ')} was demanded`,
      detail: `${step.pos.file}:${step.pos.line}:${step.pos.column}: ${step.op} ${target}: ${reply.at ?? ''}`,
    });
  } else if (state === 'failed' && step.errno === null && step.accepts === undefined) {
    context.recorder.incident({
      source: 'agent',
      side: 'inside',
      implies: null,
      title: `${step.op} failed with ${got}`,
      detail: `${step.op} ${target}: ${reply.at ?? ''}`,
    });
  }
}

/**
 * The lab asks nothing that its agent does not understand. Once something was handed over, who says so cannot be
 * believed any more.
 */
function notUnderstood({ recorder, state }: RunContext, { op }: Step, { at }: StepReply): Error {
  const what = `the agent does not understand ${op}`;
  return recorder.epoch === 0 && state.held().length === 0
    ? new LabError(what, { detail: at })
    : new ClientGone(`${what}${at === null ? '' : ` (${printable(at, 80)})`}`);
}
