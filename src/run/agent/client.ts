// SPDX-License-Identifier: Apache-2.0
// Calls to one agent. Each has a deadline that depends on the memory it handles, and ends as soon as the machine does.
import type { Agent, AgentReply } from '../../guest/agent.js';
import type { Held } from '../../model/scenario/client.js';
import type { Deadlines } from '../engine/deadlines.js';
import type { Machine } from '../machine/machine.js';

/** Number of pending calls: thousands of calls must not cost thousands of round trips. */
export const MAX_IN_FLIGHT = 64;

export type CallArgs = Record<string, string | number>;

export interface CallOptions {
  /** Bytes that the machine handles for it. */
  bytes?: number;
  /** Milliseconds that the agent has to wait before it answers. */
  waits?: number;
}

/** One call, as data. */
export interface AgentRequest {
  /** The agent's operation, and its arguments. */
  request: [string, Record<string, string | number>];
  /** Bytes that the machine handles for it, for the deadline. */
  bytes: number;
  /** Name for people. */
  target: string;
}

export interface Caller {
  /** Resolves with the answer, even if it is an error. Rejects if the agent is gone, silent, or talks nonsense. */
  call(op: string, args: CallArgs, options?: CallOptions): Promise<AgentReply>;
}

/** The agents of the running kernel, one for each client of the scenario. A call goes to the first one. */
export interface Agents extends Caller {
  /** The agent of a client; by default of the first one. */
  of(client: string | undefined): Caller;
  /** An agent that holds a file or session: the first one, if it does. */
  holder(what: Held): Caller;
  /** All agents that hold it. */
  holders(what: Held): Caller[];
}

/** One agent. It serves one kernel; the next kernel has agents of its own. */
export class AgentClient implements Caller {
  constructor(
    private readonly agent: Agent,
    private readonly deadlines: Pick<Deadlines, 'request'>,
    private readonly machine: Pick<Machine, 'ended' | 'until'>,
  ) {}

  call(op: string, args: CallArgs, { bytes = 0, waits = 0 }: CallOptions = {}): Promise<AgentReply> {
    return this.agent.request(op, args, waits + this.deadlines.request(bytes), this.machine.ended);
  }

  /**
   * Asks for the kexec. Resolves with null when the channel ends (the kernel has jumped), or with the refusal.
   * @param alongside called right before the request that makes the kernel jump
   */
  kexec(alongside: () => void): Promise<AgentReply | null> {
    return this.agent.kexec(this.deadlines.request(), this.machine.ended, alongside);
  }

  /** Ends its process, and waits for that. */
  async end(name: string): Promise<void> {
    await this.call('die', {}).catch(() => undefined);
    await this.machine.until(this.agent.gone, this.deadlines.request(), `end of ${name}`);
  }

  get isGone(): boolean {
    return this.agent.isGone;
  }

  /** Closes the channel without waiting. */
  drop(): void {
    this.agent.drop();
  }
}
