// SPDX-License-Identifier: Apache-2.0
// The running kernel's user space: its agents, each behind a port of its own, and an SSH session for commands, which
// begins with the first command.
import { Agent, type AgentReply } from '../../guest/agent.js';
import type { Port } from '../../guest/port.js';
import type { ExecResult, Session } from '../../guest/session.js';
import { type Held, type Holders, MAIN } from '../../model/scenario/client.js';
import { ClientGone, LabError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import { shellQuote } from '../../util/text/shell-quote.js';
import type { Deadlines } from '../engine/deadlines.js';
import type { RunStreams } from '../engine/streams.js';
import type { Machine } from '../machine/machine.js';
import type { RunParts } from '../machine/parts.js';
import type { ReadyMark } from '../machine/ready-marks.js';
import { AgentClient, type Agents, type CallArgs, type CallOptions } from './client.js';
import type { Renewal } from './renewal.js';
import { Ssh } from './ssh.js';

/** What is needed to reach user space. */
export interface Reach {
  machine: Pick<Machine, 'sshPort' | 'ended' | 'pulse' | 'until'>;
  deadlines: Deadlines;
  streams: Pick<RunStreams, 'agent'>;
  connect: RunParts['connect'];
  /** The running kernel's port of this number. */
  openPort: (number: number) => Port;
  /** Port of the agent that starts the SSH server; null if the run needs no session. */
  sshAgent: number | null;
  /** Gives every kernel the time and fresh entropy before anything else is asked of it; null if the machine booted. */
  renew: (() => Renewal | null) | null;
}

/** The root of process 1, as the initramfs sees it. */
const OTHER_ROOT = '/proc/1/root';
/** The first client's port. */
const FIRST = 0;

export class UserSpace implements Agents {
  private mark: ReadyMark | null = null;
  private readonly ssh: Ssh;
  private first: AgentClient | null = null;
  /** Clients of the scenario besides the first one, by name. */
  private readonly others = new Map<string, { client: AgentClient; port: number }>();
  /** The ports that were used in this kernel. */
  private readonly ports = new Map<number, Port>();
  /** The running kernel has the time and fresh entropy. */
  private renewed = false;
  /** Commands run in the root of another system. */
  private entered = false;

  constructor(
    private readonly reach: Reach,
    private readonly known: Pick<Holders, 'of'>,
  ) {
    const { connect, machine, deadlines, sshAgent } = reach;
    this.ssh = new Ssh({
      startAgent: () => {
        if (sshAgent === null) throw new LabError('the machine has no port for the agent that starts the SSH server');
        return this.start(sshAgent);
      },
      connect: (login) =>
        connect({
          ...login,
          port: machine.sshPort,
          deadline: deadlines.boot,
          signal: machine.ended,
          pulse: machine.pulse,
        }),
    });
  }

  // -- start and end

  /** The kernel that set the mark is the running one. Starts nothing yet. */
  meet(mark: ReadyMark): void {
    this.mark = mark;
    this.renewed = false;
    this.entered = false;
  }

  /** Process 1 becomes that of another system, and commands run there from now on. */
  async startOtherSystem(ms: number): Promise<AgentReply> {
    const reply = await this.main.call('userspace', { ms }, { waits: ms });
    this.entered = reply.ok;
    return reply;
  }

  async startFirst(): Promise<void> {
    this.first = await this.start(FIRST);
  }

  async startOther(name: string): Promise<void> {
    const taken = new Set([...this.others.values()].map(({ port }) => port));
    let port = FIRST + 1;
    while (taken.has(port)) port++;
    this.others.set(name, { client: await this.start(port), port });
  }

  private async start(number: number): Promise<AgentClient> {
    const { machine, deadlines, streams, openPort } = this.reach;
    const port = this.ports.get(number) ?? openPort(number);
    this.ports.set(number, port);
    const channel = await machine.until(port.open(), deadlines.request(), 'agent behind its port');
    const agent = new Agent(channel, (direction, line) => streams.agent(direction, line), machine.pulse);
    const client = new AgentClient(agent, deadlines, machine);
    await client.call('hello', {});
    await this.renewOnce(client);
    return client;
  }

  private async renewOnce(client: AgentClient): Promise<void> {
    if (this.renewed) return;
    this.renewed = true;
    const renewal = this.reach.renew?.() ?? null;
    if (renewal === null) return;
    const { ok, errno, at } = await client.call('renew', { ...renewal });
    if (!ok) throw new ClientGone(`the machine cannot be renewed: ${printable(`${errno ?? ''} (${at ?? ''})`, 200)}`);
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
    for (const { client } of this.others.values()) client.drop();
    this.others.clear();
  }

  /** Closes all ports, and the session if there is one. */
  disconnect(): void {
    for (const port of this.ports.values()) port.close();
    this.ports.clear();
    this.ssh.close();
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
  async exec(command: string, options: { ms: number; input?: Buffer; limit?: number }): Promise<ExecResult> {
    const session = await this.session();
    const where = this.entered ? `chroot ${OTHER_ROOT} /bin/sh -c ${shellQuote(command)}` : command;
    return session.exec(where, { ...options, signal: this.reach.machine.ended });
  }

  /** The SSH session with the running kernel. The first call opens it; after a failure, the next call tries again. */
  async session(): Promise<Session> {
    if (this.mark === null) throw new LabError('no kernel is up yet');
    return this.ssh.session(this.mark.epoch);
  }

  get main(): AgentClient {
    if (this.first === null) throw new LabError('the agent was not started yet');
    return this.first;
  }

  private client(name: string): AgentClient {
    const other = this.others.get(name);
    if (other === undefined) throw new LabError(`there is no client ${name}`);
    return other.client;
  }
}
