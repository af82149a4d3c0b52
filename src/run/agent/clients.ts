// SPDX-License-Identifier: Apache-2.0
// More than one client in the machine: each is a separate process with its own descriptors.
import type { ClientAction, Held, Holders } from '../../model/scenario/client.js';
import { nameInClient } from '../../model/scenario/descriptor.js';
import type { Needs } from '../engine/parts.js';
import type { RunState } from '../state/run-state.js';
import type { AgentAction } from './operations.js';
import { PASSED, type StepReply } from './reply.js';

export async function clientStep({ user, state }: Needs<'user' | 'state'>, action: ClientAction): Promise<StepReply> {
  switch (action.op) {
    case 'client':
      await user.startOther(action.client);
      return PASSED;
    case 'pass': {
      const { from, to, what } = action;
      const named = what.kind === 'descriptor' ? { file: nameInClient(what.name) } : { [what.kind]: what.name };
      const args = { at: `lab-client-${to}`, ...named };
      const [sent, received] = await Promise.all([user.of(from).call('send', args), user.of(to).call('receive', args)]);
      if (sent.ok && received.ok) state.holders.passed(what, to);
      return sent.ok ? received : sent;
    }
    case 'kill':
      await user.end(action.client);
      loseClient(state, action.client);
      return PASSED;
  }
}

/**
 * A client has died. What other clients hold too stays. The kernel closes the sessions that only this client held, and
 * its retrieved files are gone, though the scenario did not close them.
 */
export function loseClient(state: RunState, client: string): void {
  for (const name of state.sessions.keys())
    if (lost(state.holders, { kind: 'session', name }, client)) state.sessions.delete(name);
  const files = [...state.files].filter(([name]) => lost(state.holders, { kind: 'file', name }, client));
  const gone = new Set(files.map(([, file]) => file));
  for (const file of state.expected.values())
    if (file.retrieved !== null && gone.has(file.retrieved)) file.retrieved = null;
}

function lost(holders: Holders, what: Held, client: string): boolean {
  return holders.of(what).has(client) && holders.dropped(what, client);
}

/**
 * Records which client holds what after a successful call.
 * @returns whether other clients still hold what this one closed, so that nothing else has changed
 */
export function otherHolders({ holders }: RunState, action: AgentAction, client: string): boolean {
  switch (action.op) {
    case 'create':
    case 'retrieve-session':
      holders.made({ kind: 'session', name: action.session }, client);
      return false;
    case 'memfd':
      holders.made({ kind: 'file', name: action.memfd.file }, client);
      return false;
    case 'object':
      holders.made({ kind: 'file', name: action.object.file }, client);
      return false;
    case 'retrieve':
      holders.made({ kind: 'file', name: action.file }, client);
      return false;
    case 'reopen':
      holders.made({ kind: 'file', name: action.as }, client);
      return false;
    case 'close':
      return action.target.kind !== 'device' && !holders.dropped(action.target, client);
    case 'open':
    case 'preserve':
    case 'finish':
    case 'write':
    case 'truncate':
    case 'fallocate':
    case 'seal':
    case 'seek':
    case 'get-name':
    case 'link':
    case 'ioctl':
      return false;
    default:
      action satisfies never;
      return false;
  }
}
