// SPDX-License-Identifier: Apache-2.0
// Writes the journal of a cold run, in memory: it becomes a file with the ladder. A journal that could not take
// everything allows no more rungs, and says why.
import type { Rung } from '../../model/result/snapshot.js';
import { type Entry, journalText, MAX_JOURNAL, splitReply, splitRequest } from './entry.js';

/** `entries`: how many come before the mark. */
export type Marked = { state: 'marked'; entries: number } | { state: 'refused'; why: string };

type Request = Extract<Entry, { kind: 'request' }>;

/** The second line of `kexec`. It is answered only if the reboot call returns. */
const GO = 'go';

export class Journal {
  private readonly entries: Entry[] = [];
  /** Requests without their last reply, by port and number. */
  private readonly open = new Map<string, Request>();
  private bytes = 0;
  private spoilt: string | null = null;

  constructor(private readonly maxBytes = MAX_JOURNAL) {}

  /** The lab opened a port, and a new agent greeted it. */
  opened(port: number): void {
    this.forget(port);
    this.add({ kind: 'open', port }, 0);
  }

  /** The agent was gone. */
  closed(port: number): void {
    this.forget(port);
    this.add({ kind: 'closed', port }, 0);
  }

  /** The lab sent a line. */
  sent(port: number, line: string): void {
    const request = splitRequest(line);
    if (request === null) {
      this.spoil('a request without a number');
      return;
    }
    const entry: Request = { kind: 'request', port, request: request.rest, replies: [] };
    this.add(entry, line.length);
    this.open.set(`${port} ${request.id}`, entry);
  }

  /** An agent sent a line: a reply, or progress. */
  received(port: number, line: string): void {
    const reply = splitReply(line);
    const entry = reply === null ? undefined : this.open.get(`${port} ${reply.id}`);
    if (reply === null || entry === undefined) {
      this.spoil('an agent said something that is no reply to a request');
      return;
    }
    // Progress only holds off deadlines.
    if (reply.rest.startsWith('"progress":')) return;
    if (!this.takes(line.length)) return;
    entry.replies.push(reply.rest);
    this.open.delete(`${port} ${reply.id}`);
  }

  /** Marks a rung, if every request before it has its answer. */
  mark(rung: Rung): Marked {
    if (this.spoilt !== null) return { state: 'refused', why: this.spoilt };
    const waiting = [...this.open.values()].find(({ request }) => request !== GO);
    if (waiting !== undefined)
      return { state: 'refused', why: `an agent has not answered ${waiting.request.slice(0, 80)}` };
    // What comes late belongs after the mark, and nobody can replay it in two parts.
    this.open.clear();
    const entries = this.entries.length;
    this.add({ kind: 'rung', rung }, 0);
    return { state: 'marked', entries };
  }

  text(): string {
    return journalText(this.entries);
  }

  private add(entry: Entry, bytes: number): void {
    if (this.takes(bytes + 100)) this.entries.push(entry);
  }

  private takes(bytes: number): boolean {
    if (this.spoilt !== null) return false;
    if ((this.bytes += bytes) > this.maxBytes) this.spoil(`agents said more than ${this.maxBytes} bytes`);
    return this.spoilt === null;
  }

  private spoil(why: string): void {
    this.spoilt ??= why;
  }

  /** Nobody answers requests to an agent that is gone. */
  private forget(port: number): void {
    for (const [name, entry] of this.open) if (entry.port === port) this.open.delete(name);
  }
}
