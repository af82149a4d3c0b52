// SPDX-License-Identifier: Apache-2.0
// The lab's end of a virtio-serial port with an agent behind it. The machine replaces an agent that has ended, and each
// begins with a greeting (docs/agent-protocol.md): it ends the channel to the agent before.
import { EventEmitter } from 'node:events';
import { connect, type Socket } from 'node:net';
import { deferred, type Deferred } from '../util/deadline.js';
import { ClientGone, LabError, messageOf } from '../util/errors.js';
import type { AgentChannel } from './agent.js';

/** The first line of every agent. */
const GREETING = Buffer.from('{"agent":1}\n');
const NEWLINE = 10;

/** A port of the running machine, for as long as the kernel runs. */
export interface Port {
  /** A channel to an agent that nobody has used yet. Waits for its greeting; has no deadline. */
  open(): Promise<AgentChannel>;
  /** Hangs up: the agent at the other end ends. */
  close(): void;
}

export class SocketPort implements Port {
  private socket: Socket | null = null;
  private current: Channel | null = null;
  private fresh: Deferred<void> = deferred();
  private held: Buffer = Buffer.alloc(0);
  private atLineStart = true;

  /** @param path QEMU's socket for the port */
  constructor(private readonly path: string) {}

  async open(): Promise<AgentChannel> {
    const socket = (this.socket ??= await this.connect());
    await this.fresh.promise;
    this.fresh = deferred();
    const channel = new Channel(
      (text) => socket.write(text),
      () => this.close(),
    );
    this.current = channel;
    return channel;
  }

  close(): void {
    this.socket?.destroy();
  }

  private connect(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.path);
      socket.once('connect', () => resolve(socket));
      socket.on('data', (chunk: Buffer) => this.take(chunk));
      socket.on('error', (error) =>
        reject(new LabError(`the port of an agent cannot be opened: ${messageOf(error)}`, { cause: error })),
      );
      socket.on('close', () => this.hungUp());
    });
  }

  private hungUp(): void {
    this.socket = null;
    this.held = Buffer.alloc(0);
    this.atLineStart = true;
    this.fresh.reject(new ClientGone('the port of the agent was closed'));
    this.fresh = deferred();
    this.current?.end();
    this.current = null;
  }

  /** Looks for greetings at the starts of lines, and passes everything else on. */
  private take(chunk: Buffer): void {
    const data = this.held.length > 0 ? Buffer.concat([this.held, chunk]) : chunk;
    this.held = Buffer.alloc(0);
    let from = 0;
    let line = this.atLineStart ? 0 : afterNewline(data, 0);
    for (; line >= 0; line = afterNewline(data, line)) {
      const start = data.subarray(line, line + GREETING.length);
      if (!GREETING.subarray(0, start.length).equals(start)) continue;
      this.current?.take(data.subarray(from, line));
      from = line + start.length;
      if (start.length < GREETING.length) this.held = Buffer.from(start);
      else this.greeted();
    }
    this.atLineStart = from === data.length || data[data.length - 1] === NEWLINE;
    this.current?.take(data.subarray(from));
  }

  private greeted(): void {
    this.current?.end();
    this.current = null;
    this.fresh.resolve();
  }
}

/** Where the next line begins; -1 if the data has no further newline. */
function afterNewline(data: Buffer, from: number): number {
  const newline = data.indexOf(NEWLINE, from);
  return newline < 0 ? -1 : newline + 1;
}

/** The way to one agent. */
class Channel extends EventEmitter implements AgentChannel {
  private over = false;

  constructor(
    readonly write: (text: string) => unknown,
    readonly destroy: () => void,
  ) {
    super();
  }

  take(chunk: Buffer): void {
    if (chunk.length > 0 && !this.over) this.emit('data', chunk);
  }

  end(): void {
    if (this.over) return;
    this.over = true;
    this.emit('close');
  }
}
