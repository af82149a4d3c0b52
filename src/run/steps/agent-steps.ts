// SPDX-License-Identifier: Apache-2.0
// Steps that are sent ahead: calls of the agent, of its guests, and checks.
import { NO_HANDLE } from '../../guest/agent.js';
import { MAIN } from '../../model/scenario/client.js';
import type { GuestAction } from '../../model/scenario/guest.js';
import type { Step } from '../../model/scenario/scenario.js';
import { checkInside } from '../agent/inspect.js';
import { clientOf, otherHolders } from '../agent/clients.js';
import type { RunContext } from '../engine/context.js';
import { judgeBeforeClose } from '../judge/files.js';
import { finishStep } from './record-step.js';
import { guestStep } from '../guests/steps.js';
import { checkName } from '../agent/file-operations.js';
import { type AgentAction, applied, operationOf } from '../agent/operations.js';
import { toldPages } from '../agent/pages-of-file.js';
import { RunState } from '../engine/state.js';
import { noteSession } from '../judge/sessions.js';
import { PASSED } from '../agent/reply.js';

export async function callAgent(context: RunContext, action: AgentAction, step: Step, index: number): Promise<void> {
  const { state, deadlines, machine } = context;
  const agent = clientOf(context, step.by);
  const operation = operationOf(action, state);
  const started = context.recorder.clock.now();
  const [op, args] = operation.request;
  // Both are sent at once: the pages of a file that is preserved stay where they are.
  const answer = agent.request(op, args, deadlines.request(operation.bytes), machine.ended);
  const pages =
    action.op === 'preserve'
      ? agent.request('pfns', { file: action.file }, deadlines.request(operation.bytes), machine.ended)
      : null;
  pages?.catch(() => undefined);
  const reply = await answer;
  noteSession(state, step, reply);
  if (reply.ok) {
    if (action.op === 'get-name') checkName(context, action, reply);
    if (!otherHolders(state, action, step.by ?? MAIN)) applied(action, state, reply.data);
    if (pages !== null && action.op === 'preserve') {
      const file = state.files.get(action.file);
      const { runs, hidden } = toldPages(await pages);
      if (file !== undefined) Object.assign(file, { runs, hidden: hidden ?? undefined });
    }
  } else if (action.op === 'write') {
    applied(action, state, reply.data);
  } else if (action.op === 'retrieve') {
    const file = state.carried.get(RunState.key(action.session, action.token));
    if (file !== undefined && file.retrieved === null && reply.errno !== NO_HANDLE) file.errno = reply.errno;
  }
  finishStep(context, step, index, operation.target, reply, context.recorder.clock.now() - started);
}

/** The scenario closes a file. One that came back is judged first. */
export async function closeFile(
  context: RunContext,
  action: AgentAction & { op: 'close' },
  step: Step,
  index: number,
): Promise<void> {
  const { state } = context;
  const file = state.files.get(action.target.kind === 'file' ? action.target.name : '');
  const names = [...state.files.values()].filter((each) => each === file).length;
  if (names === 1 && file !== undefined && state.holders.of({ kind: 'file', name: file.name }).size === 1)
    await judgeBeforeClose(
      context,
      [...state.carried.values()].filter(({ retrieved, closed }) => retrieved === file && closed === undefined),
    );
  await callAgent(context, action, step, index);
}

export async function callGuest(context: RunContext, action: GuestAction, step: Step, index: number): Promise<void> {
  const started = context.recorder.clock.now();
  const reply = await guestStep(context, action);
  finishStep(context, step, index, action.guest, reply, context.recorder.clock.now() - started);
}

export async function check(context: RunContext, step: Extract<Step, { op: 'check' }>, index: number): Promise<void> {
  const started = context.recorder.clock.now();
  const file = context.state.files.get(step.file);
  if (file !== undefined) await checkInside(context, file, step.file);
  finishStep(
    context,
    step,
    index,
    step.file,
    file === undefined ? { ok: false, errno: NO_HANDLE, at: null } : PASSED,
    context.recorder.clock.now() - started,
  );
}
