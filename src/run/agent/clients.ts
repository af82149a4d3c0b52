// SPDX-License-Identifier: Apache-2.0
// More than one client in the machine: each is a process of its own with its own descriptors.
import type { Agent } from '../../guest/agent.js';
import { type ClientAction, type Held, MAIN } from '../../model/scenario/client.js';
import { LabError } from '../../util/errors.js';
import type { RunContext } from '../engine/context.js';
import type { AgentAction } from './operations.js';
import type { RunState } from '../engine/state.js';
import { PASSED, type StepReply } from './reply.js';
import { startAgent } from './user-space.js';

export function clientOf(context: RunContext, name: string | undefined): Agent {
  if (name === undefined || name === MAIN) return context.agent;
  const client = context.clients?.get(name);
  if (client === undefined) throw new LabError(`there is no client ${name}`);
  return client;
}

/** A client that has it: the first one, where it does. */
export function holderOf(context: RunContext, what: Held): Agent {
  const holders = context.state.holders.of(what);
  return holders.has(MAIN) ? context.agent : clientOf(context, [...holders][0]);
}

/** All that have it. */
export function holdersOf(context: RunContext, what: Held): Agent[] {
  return [...context.state.holders.of(what)].map((name) => clientOf(context, name));
}

export async function clientStep(context: RunContext, action: ClientAction): Promise<StepReply> {
  const { state, deadlines, machine } = context;
  switch (action.op) {
    case 'client':
      (context.clients ??= new Map()).set(action.client, await startAgent(context, context.ssh));
      return PASSED;
    case 'pass': {
      const { from, to, what } = action;
      const args = { at: `lab-client-${to}`, [what.kind]: what.name };
      const [sent, received] = await Promise.all([
        clientOf(context, from).request('send', args, deadlines.request(), machine.ended),
        clientOf(context, to).request('receive', args, deadlines.request(), machine.ended),
      ]);
      if (sent.ok && received.ok) state.holders.passed(what, to);
      return sent.ok ? received : sent;
    }
    case 'kill': {
      const client = clientOf(context, action.client);
      await client.request('die', {}, deadlines.request(), machine.ended).catch(() => undefined);
      await machine.until(client.gone, deadlines.request(), `end of client ${action.client}`);
      context.clients?.delete(action.client);
      loseClient(context, action.client);
      return PASSED;
    }
  }
}

/**
 * A client has died. What others hold too stays; the sessions that it alone held are closed by its kernel, and what was
 * in them was not to be lost.
 */
export function loseClient({ state }: RunContext, client: string): void {
  for (const name of state.sessions.keys())
    if (lost(state.holders, { kind: 'session', name }, client)) state.sessions.delete(name);
  const files = [...state.files].filter(([name]) => lost(state.holders, { kind: 'file', name }, client));
  const gone = new Set(files.map(([, file]) => file));
  for (const carried of state.carried.values())
    if (carried.retrieved !== null && gone.has(carried.retrieved)) carried.retrieved = null;
}

function lost(holders: RunContext['state']['holders'], what: Held, client: string): boolean {
  return holders.of(what).has(client) && holders.dropped(what, client);
}

/**
 * Takes into the book what a call that worked has changed for its client.
 * @returns whether others still hold what it closed, so that nothing has changed but that
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
    default:
      return false;
  }
}

/** Ends all but the first one, and with them what they hold. */
export async function endClients(context: RunContext): Promise<void> {
  const { deadlines, machine } = context;
  for (const [name, client] of context.clients ?? []) {
    await client.request('die', {}, deadlines.request(), machine.ended).catch(() => undefined);
    await machine.until(client.gone, deadlines.request(), `end of client ${name}`);
  }
  context.clients?.clear();
}

/** The kernel has changed: the clients of the old one are gone. */
export function dropClients(context: RunContext): void {
  for (const client of context.clients?.values() ?? []) client.drop();
  context.clients?.clear();
}
