// SPDX-License-Identifier: Apache-2.0
// Answers a resumed run from the journal, up to the rung that it was resumed from. Requests must be the same and in the
// same order on each port: what differs ends the replay, and the run starts again cold.
import type { Rung } from '../../model/result/snapshot.js';
import { printable } from '../../util/text/escape.js';
import { type Entry, joinReply, splitRequest } from './entry.js';

type PortEntry = Exclude<Entry, { kind: 'rung' }>;

/** The run does something else than the one that was saved. It says nothing about a kernel. */
export class Divergence extends Error {
  override name = 'Divergence';
}

export class Replay {
  private readonly ports = new Map<number, PortEntry[]>();

  /** Throws a Divergence if the journal has no mark of the rung. */
  constructor(entries: readonly Entry[], rung: Rung) {
    const end = entries.findIndex((entry) => entry.kind === 'rung' && entry.rung === rung);
    if (end < 0) throw new Divergence(`the journal has no rung ${rung}`);
    for (const entry of entries.slice(0, end)) {
      if (entry.kind === 'rung') continue;
      const list = this.ports.get(entry.port);
      if (list === undefined) this.ports.set(entry.port, [entry]);
      else list.push(entry);
    }
  }

  /** What comes next on a port; null if the journal has nothing more for it. */
  next(port: number): PortEntry | null {
    return this.ports.get(port)?.[0] ?? null;
  }

  /** Takes an opened port, or an agent that is gone. Throws a Divergence if something else comes next. */
  take(port: number, kind: 'open' | 'closed'): void {
    const next = this.next(port);
    if (next?.kind !== kind) throw new Divergence(`port ${port}: ${kind}, but the journal has ${wordsOf(next)}`);
    this.ports.get(port)?.shift();
  }

  /**
   * Takes a request and returns the lines of its replies, with its number. Throws a Divergence if the journal has
   * something else next.
   */
  request(port: number, line: string): string[] {
    const request = splitRequest(line);
    const next = this.next(port);
    if (request === null || next?.kind !== 'request' || next.request !== request.rest)
      throw new Divergence(`port ${port}: asked ${shown(line)}, but the journal has ${wordsOf(next)}`);
    this.ports.get(port)?.shift();
    return next.replies.map((reply) => joinReply(request.id, reply));
  }

  /** Throws a Divergence if the run has reached its rung and has not asked everything. */
  finish(): void {
    for (const [port, [next]] of this.ports)
      if (next !== undefined) throw new Divergence(`port ${port}: the run did not ask ${wordsOf(next)}`);
  }
}

function wordsOf(entry: PortEntry | null): string {
  if (entry === null) return 'nothing more';
  return entry.kind === 'request' ? shown(entry.request) : entry.kind;
}

const shown = (text: string): string => `"${printable(text.trim(), 120)}"`;
