// SPDX-License-Identifier: Apache-2.0
// A scripted agent: the machine's end of the agent protocol. It answers as the fake kernel does, unless its script has
// it do otherwise.
import { Duplex, Readable } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import type { ExecResult, Session } from '../../src/guest/session.js';
import { LineSplitter } from '../../src/util/text/lines.js';
import type { Args } from './kernel.js';

export interface Request {
  id: number;
  op: string;
  args: Args;
  /** Epoch of the running kernel. */
  epoch: number;
  /** Number of requests before it in the whole run. */
  index: number;
}

/** How an agent reacts to a request: it answers, sends raw bytes, stays silent for ever, or dies. */
export type Reaction =
  | { kind: 'answer'; reply: Record<string, unknown> }
  | { kind: 'say'; bytes: string | Buffer }
  | { kind: 'silent' }
  | { kind: 'die' };

export type React = (request: Omit<Request, 'epoch' | 'index'>, channel: FakeChannel) => Reaction;

/** Arguments of a request: `KEY=VALUE` each. */
export function argsOf(pairs: readonly string[]): Args {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at), decodeURIComponent(pair.slice(at + 1))] as const;
    }),
  );
}

/** The lab's end of a channel whose other end is a function. */
export class FakeChannel extends Duplex implements ClientChannel {
  readonly stdin = this;
  readonly stdout = this;
  readonly stderr = Readable.from([]);
  readonly server = false as const;
  readonly type = 'session' as const;
  incoming: unknown = null;
  outgoing: unknown = null;
  private readonly lines = new LineSplitter((line) => this.takeLine(line), 1 << 20);
  /** Neither an answer nor an end comes any more: the machine is gone. */
  dead = false;

  constructor(private readonly react: React) {
    super({ emitClose: true, autoDestroy: false });
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.lines.feed(chunk);
    done();
  }

  override _read(): void {
    // What there is was pushed already.
  }

  private takeLine(line: string): void {
    if (this.dead) return;
    const [id = '', op = '', ...pairs] = line.split(' ');
    const reaction = this.react({ id: Number(id), op, args: argsOf(pairs) }, this);
    if (reaction.kind === 'answer') this.say(`${JSON.stringify({ id: Number(id), us: 1, ...reaction.reply })}\n`);
    else if (reaction.kind === 'say') this.say(reaction.bytes);
    else if (reaction.kind === 'die') this.hangUp();
  }

  say(bytes: string | Buffer): void {
    if (!this.dead && !this.destroyed) this.push(bytes);
  }

  /** The process at the other end is gone. */
  hangUp(): void {
    if (this.dead) return;
    this.dead = true;
    this.destroy();
  }

  eof(): void {}
  close(): void {
    this.destroy();
  }
  setWindow(): void {}
  signal(): void {}
  exit(): void {}
}

/** A session with the machine. */
export class FakeSession implements Session {
  private readonly channels: FakeChannel[] = [];
  readonly closed: Promise<void>;
  private gone: () => void = () => undefined;
  isOpen = true;

  constructor(
    private readonly react: React,
    private readonly onExec: (command: string) => ExecResult | null,
  ) {
    this.closed = new Promise((resolve) => (this.gone = resolve));
  }

  async channel(): Promise<ClientChannel> {
    const channel = new FakeChannel(this.react);
    this.channels.push(channel);
    return channel;
  }

  terminal(): Promise<ClientChannel> {
    return this.channel();
  }

  exec(command: string): Promise<ExecResult> {
    const result = this.onExec(command);
    return result === null ? new Promise(() => undefined) : Promise.resolve(result);
  }

  close(): void {
    this.isOpen = false;
    for (const channel of this.channels) channel.destroy();
    this.gone();
  }

  say(bytes: string): void {
    for (const channel of this.channels) channel.say(bytes);
  }

  /** The machine stops answering. */
  die(): void {
    for (const channel of this.channels) channel.dead = true;
  }

  /** The process at the other end of each channel is gone. */
  hangUp(): void {
    for (const channel of this.channels) channel.hangUp();
  }

  /** On each channel. */
  tell(text: string): void {
    for (const channel of this.channels) channel.say(text);
  }

  /** Channels that are still open. */
  get openChannels(): number {
    return this.channels.filter(({ destroyed }) => !destroyed).length;
  }
}
