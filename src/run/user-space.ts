// SPDX-License-Identifier: Apache-2.0
// From the readiness mark to a talking agent.
import { Agent } from '../guest/agent.js';
import { SshSession } from '../guest/session.js';
import { within } from '../util/deadline.js';
import type { RunContext } from './context.js';
import type { ReadyMark } from './machine.js';

type Reachable = Pick<RunContext, 'machine' | 'deadlines' | 'privateKey' | 'streams'>;

export async function openSession(context: Reachable, mark: ReadyMark): Promise<SshSession> {
  return SshSession.open({
    port: context.machine.sshPort, privateKey: context.privateKey, hostKey: mark.hostKey,
    deadline: context.deadlines.boot, signal: context.machine.ended,
  });
}

export async function startAgent(context: Reachable, ssh: SshSession): Promise<Agent> {
  const channel = await within(ssh.channel('/bin/agent'), context.deadlines.request(), 'channel for the agent', context.machine.ended);
  const agent = new Agent(channel, (direction, line) => context.streams.agent(direction, line));
  await agent.request('hello', {}, context.deadlines.request(), context.machine.ended);
  return agent;
}
