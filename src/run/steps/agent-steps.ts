// SPDX-License-Identifier: Apache-2.0
// Operations that are sent without waiting for earlier answers: calls to the agent, to its guests, and checks.
import { MAIN } from '../../model/scenario/client.js';
import type { GuestAction } from '../../model/scenario/guest.js';
import { otherHolders } from '../agent/clients.js';
import { checkName } from '../agent/file-operations.js';
import { checkLink } from '../agent/raw-operations.js';
import { allocationOf, failingArgs } from '../agent/failing.js';
import { checkInside } from '../agent/inspect.js';
import { type AgentAction, applied, requestOf } from '../agent/operations.js';
import { pagesIn } from '../agent/pages-of-file.js';
import { LEFT_OUT, PASSED } from '../agent/reply.js';
import { NO_HANDLE } from '../../guest/agent.js';
import type { Operation } from '../engine/operation.js';
import type { Needs } from '../engine/parts.js';
import type { GuestParts } from '../guests/calls.js';
import { guestStep } from '../guests/steps.js';
import { judgeBeforeClose } from '../judge/files.js';
import { noteSession } from '../judge/sessions.js';
import { RunState } from '../state/run-state.js';
import { recordStep } from './record-step.js';

type Called = Needs<'plan' | 'agents' | 'state' | 'recorder'>;

export async function callAgent(parts: Called, operation: Operation & AgentAction): Promise<void> {
  const { plan, state, recorder } = parts;
  const agent = parts.agents.of(operation.by);
  const { request, bytes, target } = requestOf(operation, state);
  const started = recorder.clock.now();
  // Both are sent at once: the pages of a preserved file do not move.
  const [call, args] = request;
  const answer = agent.call(call, { ...args, ...failingArgs(operation) }, { bytes });
  const pages = operation.op === 'preserve' ? agent.call('pfns', { file: operation.file }, { bytes }) : null;
  pages?.catch(() => undefined);
  const reply = await answer;
  noteSession(state, operation, reply);
  if (reply.ok) {
    if (operation.op === 'get-name') checkName(parts, operation, reply);
    if (operation.op === 'link') checkLink(parts, operation, reply);
    if (!otherHolders(state, operation, operation.by ?? MAIN)) applied(operation, state, reply.data);
    if (pages !== null && operation.op === 'preserve') {
      const file = state.files.get(operation.file);
      const { runs, hidden } = pagesIn(await pages, plan.scenario.machine.memory);
      if (file !== undefined) Object.assign(file, { runs, hidden: hidden ?? undefined });
    }
  } else if (operation.op === 'write') {
    applied(operation, state, reply.data);
  } else if (operation.op === 'retrieve') {
    const file = state.expected.get(RunState.key(operation.session, operation.token));
    if (file !== undefined && file.retrieved === null && reply.errno !== NO_HANDLE) file.errno = reply.errno;
  }
  const allocation = allocationOf(operation, reply);
  recordStep(parts, operation, { target, reply, ms: recorder.clock.now() - started, allocation });
}

/** The scenario closes a file. If the file came back from an update, it is judged first. */
export async function closeFile(
  parts: Needs<'plan' | 'agents' | 'state' | 'recorder' | 'view'>,
  operation: Operation & { op: 'close' },
): Promise<void> {
  const { state } = parts;
  const file = state.files.get(operation.target.kind === 'file' ? operation.target.name : '');
  const names = [...state.files.values()].filter((each) => each === file).length;
  if (names === 1 && file !== undefined && state.holders.of({ kind: 'file', name: file.name }).size === 1)
    await judgeBeforeClose(
      parts,
      [...state.expected.values()].filter(({ retrieved, closed }) => retrieved === file && closed === undefined),
    );
  await callAgent(parts, operation);
}

export async function callGuest(parts: GuestParts, operation: Operation & GuestAction): Promise<void> {
  const { clock } = parts.recorder;
  const started = clock.now();
  const reply = await guestStep(parts, operation);
  recordStep(parts, operation, { target: operation.guest, reply, ms: clock.now() - started });
}

export async function check(parts: Called, operation: Operation & { op: 'check' }): Promise<void> {
  const { clock, epoch, witnesses } = parts.recorder;
  const started = clock.now();
  const file = parts.state.files.get(operation.file);
  if (file === undefined) {
    // What kept the file away is judged by itself. If nothing was wrong, the check that was asked for is missing.
    witnesses.require('inside', epoch);
    witnesses.blind('inside', epoch, `the check of ${operation.file} was left out, because nobody holds the file`);
  } else await checkInside(parts, file, operation.file);
  const reply = file === undefined ? LEFT_OUT : PASSED;
  recordStep(parts, operation, { target: operation.file, reply, ms: clock.now() - started });
}
