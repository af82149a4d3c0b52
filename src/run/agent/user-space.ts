// SPDX-License-Identifier: Apache-2.0
// From the readiness mark to a talking agent.
import { Agent } from '../../guest/agent.js';
import type { Session } from '../../guest/session.js';
import type { RunContext } from '../engine/context.js';
import type { ReadyMark } from '../machine/ready-marks.js';

type Reachable = Pick<RunContext, 'machine' | 'deadlines' | 'privateKey' | 'streams' | 'connect'>;

export async function openSession(context: Reachable, mark: ReadyMark): Promise<Session> {
  return context.connect({
    port: context.machine.sshPort,
    privateKey: context.privateKey,
    hostKey: mark.hostKey,
    deadline: context.deadlines.boot,
    signal: context.machine.ended,
    pulse: context.machine.pulse,
  });
}

/**
 * A kernel with KHO but without LUO (6.18) hands over only what user space asked it to finalize, and that before the
 * next kernel is loaded; only then its debugfs tells what it hands over. Asking twice does no harm.
 */
export async function finalizeWithoutLuo({
  agent,
  deadlines,
  machine,
}: Pick<RunContext, 'agent' | 'deadlines' | 'machine'>): Promise<void> {
  const hello = await agent.request('hello', {}, deadlines.request(), machine.ended);
  if (hello.data['device'] === false) await agent.request('finalize', {}, deadlines.request(), machine.ended);
}

export async function startAgent(context: Reachable, ssh: Session): Promise<Agent> {
  const channel = await context.machine.until(
    ssh.channel('/bin/agent'),
    context.deadlines.request(),
    'channel for the agent',
  );
  const agent = new Agent(channel, (direction, line) => context.streams.agent(direction, line), context.machine.pulse);
  await agent.request('hello', {}, context.deadlines.request(), context.machine.ended);
  return agent;
}
