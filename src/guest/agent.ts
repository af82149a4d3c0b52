// SPDX-License-Identifier: Apache-2.0
// The lab's end of the agent protocol (docs/agent-protocol.md). A request is a line, a reply has the id of its request,
// and many requests can be under way at once.
import { z } from 'zod';
import { deferred, endsOnce } from '../util/deadline.js';
import { ClientGone } from '../util/errors.js';
import { parseJson } from '../util/json.js';
import { printable } from '../util/text/escape.js';
import { LineSplitter } from '../util/text/lines.js';
import { Countdown, NO_PULSE, type Pulse } from '../util/pulse.js';

/** The agent's answer. `errno` is null if the call worked. `data` has the keys of the operation. */
export interface AgentReply {
  id: number;
  ok: boolean;
  errno: string | null;
  at: string | null;
  us: number;
  data: Readonly<Record<string, unknown>>;
}

/** Error names of the protocol, not of a kernel. */
export const NO_HANDLE = 'NOHANDLE';
export const BAD_REQUEST = 'BADREQ';

/** Longest accepted reply in bytes. The PFN runs of a badly fragmented 8 GiB file take about 40 MiB. */
const MAX_REPLY = 48 << 20;
/** Longest line that can report progress. */
const MAX_PROGRESS = 100;

/** The way to one agent. It closes when the agent ends. */
export interface AgentChannel {
  on(event: 'data', take: (chunk: Buffer) => void): unknown;
  on(event: 'close', take: () => void): unknown;
  write(text: string): unknown;
  destroy(): unknown;
}

interface Waiting {
  /** Milliseconds allowed without progress, counted from when the agent starts the request; null for no limit. */
  ms: number | null;
  what: string;
  /** Runs while the agent works on the request: it takes one request after the other. */
  countdown: Countdown | null;
  /** The last progress that the agent reported for it. */
  progress: number;
  resolve(reply: AgentReply): void;
  reject(error: Error): void;
}

export class Agent {
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;
  private ended: ClientGone | null = null;
  readonly gone: Promise<void>;

  /**
   * Starts to use a channel.
   * @param log gets every line, in both directions
   * @param pulse shows that the agent's machine makes progress
   */
  constructor(
    private readonly channel: AgentChannel,
    private readonly log: (direction: 'out' | 'in', line: string) => void,
    private readonly pulse: Pulse = NO_PULSE,
  ) {
    const lines = new LineSplitter((line, cut) => this.take(line, { cut }), MAX_REPLY);
    channel.on('data', (chunk: Buffer) => lines.feed(chunk));
    const end = deferred<void>();
    this.gone = end.promise;
    channel.on('close', () => {
      this.end(new ClientGone('the agent is gone'));
      end.resolve();
    });
  }

  /**
   * Sends one request and resolves with its answer, good or bad.
   * @param ms milliseconds allowed without progress, once all earlier requests have been answered
   */
  request(op: string, args: Record<string, string | number>, ms: number, signal?: AbortSignal): Promise<AgentReply> {
    if (this.ended !== null) return Promise.reject(this.ended);
    const id = ++this.lastId;
    const reply = this.wait(id, ms, `answer of the agent to ${op}`, signal);
    this.send([id, op, ...Object.entries(args).map(([key, value]) => `${key}=${encode(String(value))}`)].join(' '));
    return reply;
  }

  /** True if nobody is at the other end, or nobody who can be understood. */
  get isGone(): boolean {
    return this.ended !== null;
  }

  /**
   * Makes the machine jump: sends `kexec`, then the go-ahead when the agent is ready. Resolves with null when the
   * channel ends (the machine jumped), or with the reply if the reboot call returned.
   * @param alongside called right before the go-ahead is sent
   */
  async kexec(ms: number, signal?: AbortSignal, alongside: () => void = () => undefined): Promise<AgentReply | null> {
    const going = await this.request('kexec', {}, ms, signal);
    if (!going.ok) return going;
    const second = this.wait(going.id, null, 'return from the reboot call', undefined);
    second.catch(() => undefined);
    alongside();
    this.send(`${going.id} go`);
    try {
      return await Promise.race([second, this.gone.then(() => null)]);
    } catch (error) {
      if (error instanceof ClientGone) return null;
      throw error;
    } finally {
      this.forget(going.id);
    }
  }

  /** Drops the channel without waiting: after a jump, nobody is at the other end. */
  drop(): void {
    this.end(new ClientGone('the lab let go of the agent'));
    this.channel.destroy();
  }

  private wait(id: number, ms: number | null, what: string, signal: AbortSignal | undefined): Promise<AgentReply> {
    return new Promise((resolve, reject) => {
      const end = endsOnce(signal, reject, () => this.forget(id));
      this.waiting.set(id, {
        ms,
        what,
        countdown: null,
        progress: -1,
        resolve: (reply) => end(() => resolve(reply)),
        reject: (error) => end(() => reject(error)),
      });
      if (signal?.aborted) end(() => reject(signal.reason as Error));
      else this.countDown();
    });
  }

  /** Starts the countdown of the first unanswered request, because the agent is working on it. */
  private countDown(): void {
    const [first] = this.waiting.values();
    if (this.ended !== null || first === undefined || first.ms === null || first.countdown !== null) return;
    first.countdown = new Countdown({ ms: first.ms, what: first.what, pulse: this.pulse }, (error) =>
      first.reject(error),
    );
  }

  private forget(id: number): void {
    this.waiting.get(id)?.countdown?.stop();
    this.waiting.delete(id);
    this.countDown();
  }

  private send(line: string): void {
    this.log('out', line);
    this.channel.write(`${line}\n`);
  }

  private take(line: string, { cut }: { cut: boolean }): void {
    // Nobody waits for what comes after the end, and a flood of it must cost nothing.
    if (this.ended !== null) return;
    this.log('in', line);
    const progress = readProgress(line);
    if (progress !== null) {
      const { id, done } = progress;
      const waiting = this.waiting.get(id);
      // A repeated report is not progress, nor is one about a request that the agent cannot have started.
      if (waiting === undefined || waiting.countdown === null || done <= waiting.progress) return;
      waiting.progress = done;
      waiting.countdown.mark();
      return;
    }
    const reply = cut ? null : readReply(line);
    if (reply === null) {
      const what = cut ? `a line longer than ${MAX_REPLY >> 20} MiB` : `"${printable(line, 100)}"`;
      this.end(new ClientGone(`the agent said something unreadable: ${what}`));
      this.channel.destroy();
      return;
    }
    this.waiting.get(reply.id)?.resolve(reply);
  }

  private end(error: ClientGone): void {
    this.ended ??= error;
    for (const reply of this.waiting.values()) reply.reject(error);
  }
}

/** Parses `{"id":N,"progress":M}`: the agent is making progress on request N. Null for any other line. */
function readProgress(line: string): { id: number; done: number } | null {
  if (line.length > MAX_PROGRESS) return null;
  const [, id, done] = /^\{"id":(\d{1,16}),"progress":(\d{1,15})\}$/.exec(line) ?? [];
  return id === undefined || done === undefined ? null : { id: Number(id), done: Number(done) };
}

/** Loose: each operation has fields of its own. */
const replySchema = z.looseObject({ id: z.number(), ok: z.boolean() });

/** Parses one reply; null if the line is not a reply. The types are checked, because the machine is not trusted. */
export function readReply(line: string): AgentReply | null {
  const reply = parseJson(line, replySchema);
  if (reply === null) return null;
  const { id, ok, errno, at, us, ...data } = reply;
  return {
    id,
    ok,
    // In an error, `at` names the call that failed. In a success it belongs to the operation.
    data: at === undefined || typeof at === 'string' ? data : { ...data, at },
    errno: ok ? null : typeof errno === 'string' ? errno : 'EUNKNOWN',
    at: typeof at === 'string' ? at : null,
    us: typeof us === 'number' ? us : 0,
  };
}

/** Percent-encodes everything but harmless characters, so that a value can contain anything. */
export function encode(value: string): string {
  return Buffer.from(value, 'utf8')
    .toString('latin1')
    .replace(/[^A-Za-z0-9\-_.,:+/=]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`);
}

/** Returns a number from a reply. If it is missing, the agent is not to be trusted and counts as gone. */
export function numberOf(reply: AgentReply, key: string): number {
  const value = reply.data[key];
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new ClientGone(`the agent's answer cannot be used: no number ${key}`);
  return value as number;
}

/** Returns a text from a reply, checked in the same way. */
export function textOf(reply: AgentReply, key: string): string {
  const value = reply.data[key];
  if (typeof value !== 'string') throw new ClientGone(`the agent's answer cannot be used: no text ${key}`);
  return value;
}

/** Returns a list of so many texts from a reply, checked in the same way. */
export function textsOf(reply: AgentReply, key: string, length: number): string[] {
  const value = reply.data[key];
  if (!Array.isArray(value) || value.length !== length || value.some((text) => typeof text !== 'string'))
    throw new ClientGone(`the agent's answer cannot be used: no ${length} texts ${key}`);
  return value as string[];
}

/** Returns a list of tuples of numbers from a reply, checked in the same way. */
export function tuplesOf(reply: AgentReply, key: string, width: number): number[][] {
  const value = reply.data[key];
  const good =
    Array.isArray(value) &&
    value.every(
      (row) =>
        Array.isArray(row) && row.length === width && row.every((n) => Number.isSafeInteger(n) && (n as number) >= 0),
    );
  if (!good) throw new ClientGone(`the agent's answer cannot be used: no list ${key}`);
  return value as number[][];
}
