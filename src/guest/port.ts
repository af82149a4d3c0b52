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

/** A port of a machine that was saved when its agent had greeted somebody else already. */
export interface SavedPort extends Pick<Port, 'close'> {
  /** The machine must not run yet. */
  connect(): Promise<void>;
  /** The channel to that agent. */
  adopt(): AgentChannel;
}

export class SocketPort implements Port, SavedPort {
  private connection: Connection | null = null;

  /** @param path QEMU's socket for the port */
  constructor(private readonly path: string) {}

  open(): Promise<AgentChannel> {
    return this.connected().open();
  }

  connect(): Promise<void> {
    return this.connected().ready;
  }

  adopt(): AgentChannel {
    if (this.connection === null) throw portClosed();
    return this.connection.adopt();
  }

  close(): void {
    this.connection?.hangUp();
  }

  private connected(): Connection {
    return (this.connection ??= new Connection(this.path, (ended) => {
      // Its socket tells later that it is closed: by then there may be another.
      if (this.connection === ended) this.connection = null;
    }));
  }
}

/** One connection to the port, with what has come through it. */
class Connection {
  private readonly socket: Socket;
  readonly ready: Promise<void>;
  private current: Channel | null = null;
  private fresh: Deferred<void> = deferred();
  private held: Buffer = Buffer.alloc(0);
  private atLineStart = true;

  /** @param onEnd called when it can no longer be used, perhaps twice */
  constructor(
    path: string,
    private readonly onEnd: (ended: Connection) => void,
  ) {
    this.socket = connect(path);
    this.ready = new Promise((resolve, reject) => {
      this.socket.once('connect', resolve);
      this.socket.on('error', (error) =>
        reject(new LabError(`the port of an agent cannot be opened: ${messageOf(error)}`, { cause: error })),
      );
      this.socket.once('close', () => reject(portClosed()));
    });
    this.ready.catch(() => undefined);
    this.socket.on('data', (chunk: Buffer) => this.take(chunk));
    this.socket.on('close', () => this.hungUp());
  }

  async open(): Promise<AgentChannel> {
    await this.ready;
    await this.fresh.promise;
    this.fresh = deferred();
    return this.adopt();
  }

  adopt(): AgentChannel {
    const channel: Channel = new Channel(
      (text) => this.socket.write(text),
      // The channel to an agent that has been replaced has nothing to close.
      () => this.current === channel && this.hangUp(),
    );
    this.current = channel;
    return channel;
  }

  hangUp(): void {
    this.socket.destroy();
    this.onEnd(this);
  }

  private hungUp(): void {
    this.onEnd(this);
    this.fresh.reject(portClosed());
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

const portClosed = () => new ClientGone('the port of the agent was closed');

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
