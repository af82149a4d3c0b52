// SPDX-License-Identifier: Apache-2.0
// Ports of a resumed run: the journal answers until the run has reached the rung at which its machine stands, and the
// machine's own agents afterwards.
import { EventEmitter } from 'node:events';
import type { AgentChannel } from '../../guest/agent.js';
import type { Port } from '../../guest/port.js';
import type { Rung } from '../../model/result/snapshot.js';
import { printable } from '../../util/text/escape.js';
import { joinReply, splitRequest } from '../journal/entry.js';
import { Divergence, type Replay } from '../journal/replay.js';
import type { Way } from './way.js';

/** The line that makes the machine jump. */
const GO = 'go';
/** Gives the machine the time and fresh entropy. */
const RENEW = 'renew';
/** Longest answer to that, in bytes. */
const MAX_ANSWER = 1 << 16;

/** The run leaves these rungs when it turns to an agent: the machine's own agents wait for it. */
const LEFT_BY_OPENING: ReadonlySet<Rung> = new Set(['booted', 'open']);

export interface ReplayedOptions {
  number: number;
  replay: Replay;
  way: Way;
  /** The run cannot go on from this snapshot. */
  fail: (error: Error) => void;
  /** The machine's own port. */
  live: () => Port;
  /** The channel to the agent that the saved machine has behind this port. */
  adopt: () => AgentChannel;
  /** The machine's own agent has answered. */
  heard: () => void;
}

export class ReplayedPort implements Port {
  private live: Port | null = null;
  private channel: ReplayedChannel | null = null;

  constructor(private readonly options: ReplayedOptions) {}

  async open(): Promise<AgentChannel> {
    const { number, replay, way, fail, live } = this.options;
    try {
      if (!way.isReleased) {
        if (replay.next(number) !== null) {
          replay.take(number, 'open');
          return (this.channel = new ReplayedChannel(this.options));
        }
        if (!LEFT_BY_OPENING.has(way.stage.rung))
          throw new Divergence(`port ${number}: opened, but the journal has nothing more`);
        replay.finish();
        await way.leave();
      }
    } catch (error) {
      fail(error as Error);
      throw error;
    }
    const channel = await (this.live ??= live()).open();
    // Its greeting may have waited in the port since the machine was saved.
    channel.on('data', this.options.heard);
    return channel;
  }

  close(): void {
    this.channel?.destroy();
    this.live?.close();
  }
}

/** The way to an agent that answers from the journal. At `retrieve` the machine's own agent goes on from there. */
class ReplayedChannel extends EventEmitter implements AgentChannel {
  private over = false;
  private rest = '';
  private live: AgentChannel | null = null;
  /** Lines that wait until the machine runs; null before that. */
  private waiting: string[] | null = null;
  /** A request that the saved run did not make: it is for the machine, as soon as that runs. */
  private renewal: string | null = null;

  constructor(private readonly options: ReplayedOptions) {
    super();
  }

  /** Takes whole lines; a part of one waits for the rest. */
  write(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.take(line);
  }

  destroy(): void {
    this.live?.destroy();
    this.end();
  }

  private take(line: string): void {
    const { number, replay, way, fail } = this.options;
    if (this.live !== null) return void this.live.write(`${line}\n`);
    if (this.waiting !== null) return void this.waiting.push(line);
    try {
      if (way.endsAt('retrieve') && splitRequest(line)?.rest.startsWith(`${RENEW} `)) return this.putOff(line);
      if (way.endsAt('retrieve') && way.stage.rung === 'open' && replay.next(number) === null)
        return void this.goLive(line);
      const replies = replay.request(number, line);
      if (splitRequest(line)?.rest === GO) {
        if (way.isLast) replay.finish();
        way.reach();
      }
      const closes = replay.next(number)?.kind === 'closed';
      if (closes) replay.take(number, 'closed');
      // The reader of a socket does not get an answer from the call that asks.
      setImmediate(() => {
        for (const reply of replies) if (!this.over) this.emit('data', Buffer.from(`${reply}\n`));
        if (closes) this.end();
      });
    } catch (error) {
      fail(error as Error);
    }
  }

  /** The run renews its machine before all else, and this machine comes later: it is renewed first then. */
  private putOff(line: string): void {
    this.renewal = line;
    const reply = joinReply(splitRequest(line)?.id ?? 0, '"us":0,"ok":true}');
    setImmediate(() => this.emit('data', Buffer.from(`${reply}\n`)));
  }

  /** The journal has nothing more: the machine runs, and its agent gets this line and all that follow. */
  private async goLive(line: string): Promise<void> {
    const { replay, way, fail, adopt, heard } = this.options;
    this.waiting = [line];
    try {
      replay.finish();
      // Answers from the journal are on their way.
      await new Promise((resolve) => setImmediate(resolve));
      await way.leaveAll();
      const channel = adopt();
      channel.on('close', () => this.end());
      channel.on('data', heard);
      if (this.renewal === null) channel.on('data', (chunk) => this.emit('data', chunk));
      else this.renew(channel, this.renewal);
      this.live = channel;
      for (const each of this.waiting.splice(0)) channel.write(`${each}\n`);
    } catch (error) {
      fail(error as Error);
    }
  }

  /** The first line that the agent says is the answer. */
  private renew(channel: AgentChannel, line: string): void {
    let answer = '';
    let isOver = false;
    channel.on('data', (chunk) => {
      if (isOver) return void this.emit('data', chunk);
      answer = (answer + chunk.toString('latin1')).slice(0, MAX_ANSWER);
      const end = answer.indexOf('\n');
      if (end < 0) return;
      isOver = true;
      if (!answer.slice(0, end).includes('"ok":true'))
        this.options.fail(new Divergence(`the machine cannot be renewed: ${printable(answer.slice(0, end), 200)}`));
      const rest = Buffer.from(answer.slice(end + 1), 'latin1');
      if (rest.length > 0) this.emit('data', rest);
    });
    channel.write(`${line}\n`);
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    setImmediate(() => this.emit('close'));
  }
}
