// SPDX-License-Identifier: Apache-2.0
// Ports of a resumed run: the journal answers until the run has reached the rung at which its machine stands, and the
// machine's own agents afterwards.
import { EventEmitter } from 'node:events';
import type { AgentChannel } from '../../guest/agent.js';
import type { Port } from '../../guest/port.js';
import type { Rung } from '../../model/result/snapshot.js';
import { splitRequest } from '../journal/entry.js';
import { Divergence, type Replay } from '../journal/replay.js';
import type { Way } from './way.js';

/** The line that makes the machine jump. */
const GO = 'go';

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
    return (this.live ??= live()).open();
  }

  close(): void {
    this.channel?.destroy();
    this.live?.close();
  }
}

/** The way to an agent that answers from the journal. */
class ReplayedChannel extends EventEmitter implements AgentChannel {
  private over = false;
  private rest = '';

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
    this.end();
  }

  private take(line: string): void {
    const { number, replay, way, fail } = this.options;
    try {
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

  private end(): void {
    if (this.over) return;
    this.over = true;
    setImmediate(() => this.emit('close'));
  }
}
