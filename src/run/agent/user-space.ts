// SPDX-License-Identifier: Apache-2.0
// The running kernel's user space: the SSH session with it, and the agents that are started through that session.
import { Agent, type AgentReply } from '../../guest/agent.js';
import type { ExecResult, Session } from '../../guest/session.js';
import { type Held, type Holders, MAIN } from '../../model/scenario/client.js';
import { LabError } from '../../util/errors.js';
import type { Deadlines } from '../engine/deadlines.js';
import type { RunStreams } from '../engine/streams.js';
import type { Machine } from '../machine/machine.js';
import type { RunParts } from '../machine/parts.js';
import type { ReadyMark } from '../machine/ready-marks.js';
import { AgentClient, type Agents, type CallArgs, type CallOptions } from './client.js';

/** What is needed to reach user space. */
export interface Reach {
  machine: Pick<Machine, 'sshPort' | 'ended' | 'pulse' | 'until'>;
  deadlines: Deadlines;
  /** OpenSSH private key of this run. */
  privateKey: string;
  streams: Pick<RunStreams, 'agent'>;
  connect: RunParts['connect'];
}

export class UserSpace implements Agents {
  private ssh: Session | null = null;
  private first: AgentClient | null = null;
  /** Clients of the scenario besides the first one, by name. */
  private readonly others = new Map<string, AgentClient>();

  constructor(
    private readonly reach: Reach,
    private readonly known: Pick<Holders, 'of'>,
  ) {}

  // -- start and end

  /** Opens the session with the kernel that set the mark. Starts no agent yet. */
  async connect({ hostKey }: ReadyMark): Promise<void> {
    const { connect, machine, deadlines, privateKey } = this.reach;
    this.ssh = await connect({
      port: machine.sshPort,
      privateKey,
      hostKey,
      deadline: deadlines.boot,
      signal: machine.ended,
      pulse: machine.pulse,
    });
  }

  async startFirst(): Promise<void> {
    this.first = await this.start();
  }

  async startOther(name: string): Promise<void> {
    this.others.set(name, await this.start());
  }

  private async start(): Promise<AgentClient> {
    const { machine, deadlines, streams } = this.reach;
    const channel = await machine.until(
      this.session.channel('/bin/agent'),
      deadlines.request(),
      'channel for the agent',
    );
    const agent = new Agent(channel, (direction, line) => streams.agent(direction, line), machine.pulse);
    const client = new AgentClient(agent, deadlines, machine);
    await client.call('hello', {});
    return client;
  }

  /** Ends the process of a client. */
  async end(name: string): Promise<void> {
    if (name === MAIN) return this.main.end('the agent');
    await this.client(name).end(`client ${name}`);
    this.others.delete(name);
  }

  async endOthers(): Promise<void> {
    for (const name of this.others.keys()) await this.end(name);
  }

  /** The kernel is gone, or soon will be: closes the first client's channel without waiting. */
  dropFirst(): void {
    this.first?.drop();
  }

  dropOthers(): void {
    for (const client of this.others.values()) client.drop();
    this.others.clear();
  }

  /** Closes the session, and with it every remaining channel. */
  disconnect(): void {
    this.ssh?.close();
  }

  // -- calls and commands

  call(op: string, args: CallArgs, options?: CallOptions): Promise<AgentReply> {
    return this.main.call(op, args, options);
  }

  of(client: string | undefined): AgentClient {
    return client === undefined || client === MAIN ? this.main : this.client(client);
  }

  holder(what: Held): AgentClient {
    const holders = this.known.of(what);
    return holders.has(MAIN) ? this.main : this.of([...holders][0]);
  }

  holders(what: Held): AgentClient[] {
    return [...this.known.of(what)].map((name) => this.of(name));
  }

  /**
   * Runs a command in the machine.
   * @param options `ms`: milliseconds that it may take
   */
  exec(command: string, options: { ms: number; input?: Buffer; limit?: number }): Promise<ExecResult> {
    return this.session.exec(command, { ...options, signal: this.reach.machine.ended });
  }

  get main(): AgentClient {
    if (this.first === null) throw new LabError('the agent was not started yet');
    return this.first;
  }

  get session(): Session {
    if (this.ssh === null) throw new LabError('there is no session with the machine yet');
    return this.ssh;
  }

  private client(name: string): AgentClient {
    const client = this.others.get(name);
    if (client === undefined) throw new LabError(`there is no client ${name}`);
    return client;
  }
}
