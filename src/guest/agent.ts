// SPDX-License-Identifier: Apache-2.0
// The lab's end of the agent protocol (docs/agent-protocol.md): requests in lines, replies by id, many under way at once.
import type { ClientChannel } from 'ssh2';
import { deferred, within, type Deferred } from '../util/deadline.js';
import { LabError } from '../util/errors.js';
import { LineSplitter } from '../util/lines.js';

/** What the agent answered: `errno` is null where the call worked. Other keys are the operation's own. */
export interface AgentReply {
  id: number;
  ok: boolean;
  errno: string | null;
  at: string | null;
  us: number;
  data: Readonly<Record<string, unknown>>;
}

/** The agent's channel ended while an answer was due: the agent was killed, the machine went away, or it jumped. */
export class AgentGone extends Error {
  override name = 'AgentGone';
}

/** Errnos of the protocol itself, not a kernel's. */
export const NO_HANDLE = 'NOHANDLE';
export const BAD_REQUEST = 'BADREQ';

/** Longest reply that is read, in bytes; the PFN runs of a badly fragmented 4 GiB file are some 20 MiB. */
const REPLY_LIMIT = 64 << 20;

export class Agent {
  private readonly waiting = new Map<number, Deferred<AgentReply>>();
  private lastId = 0;
  private ended: AgentGone | null = null;
  readonly gone: Promise<void>;

  /** @param log gets every line, in both directions */
  constructor(
    private readonly channel: ClientChannel,
    private readonly log: (direction: 'out' | 'in', line: string) => void,
  ) {
    const lines = new LineSplitter((line, cut) => this.take(line, cut), REPLY_LIMIT);
    channel.on('data', (chunk: Buffer) => lines.feed(chunk));
    channel.stderr.on('data', (chunk: Buffer) => log('in', `stderr: ${chunk.toString('utf8').slice(0, 4096)}`));
    const end = deferred<void>();
    this.gone = end.promise;
    channel.on('error', () => undefined);
    channel.on('close', () => {
      this.end(new AgentGone('the agent is gone'));
      end.resolve();
    });
  }

  /** Sends one request; resolves with its answer, whatever it says. @param ms deadline in milliseconds */
  request(op: string, args: Record<string, string | number>, ms: number, signal?: AbortSignal): Promise<AgentReply> {
    const id = ++this.lastId;
    const reply = deferred<AgentReply>();
    if (this.ended !== null) return Promise.reject(this.ended);
    this.waiting.set(id, reply);
    this.send([id, op, ...Object.entries(args).map(([key, value]) => `${key}=${encode(String(value))}`)].join(' '));
    return within(reply.promise, ms, `answer of the agent to ${op}`, signal).finally(() => this.waiting.delete(id));
  }

  /**
   * Lets the machine jump: sends `kexec`, and once the agent says that it goes, the word that lets it go. Resolves with null when the
   * channel ends (it jumped), or with the reply when the reboot call came back.
   */
  async kexec(ms: number, signal?: AbortSignal): Promise<AgentReply | null> {
    const going = await this.request('kexec', {}, ms, signal);
    if (!going.ok) return going;
    const second = deferred<AgentReply>();
    this.waiting.set(going.id, second);
    this.send(`${going.id} go`);
    try {
      return await Promise.race([second.promise, this.gone.then(() => null)]);
    } catch (error) {
      if (error instanceof AgentGone) return null;
      throw error;
    } finally {
      this.waiting.delete(going.id);
    }
  }

  /** Gives up the channel without waiting: after a jump nobody is at the other end. */
  drop(): void {
    this.end(new AgentGone('the lab let go of the agent'));
    this.channel.destroy();
  }

  private send(line: string): void {
    this.log('out', line);
    this.channel.write(`${line}\n`);
  }

  private take(line: string, cut: boolean): void {
    this.log('in', line);
    const reply = cut ? null : readReply(line);
    if (reply === null) {
      this.end(new AgentGone('the agent said something unreadable'));
      this.channel.destroy();
      return;
    }
    this.waiting.get(reply.id)?.resolve(reply);
  }

  private end(error: AgentGone): void {
    this.ended ??= error;
    for (const reply of this.waiting.values()) reply.reject(error);
    this.waiting.clear();
  }
}

/** Reads one reply; null where the line is not one. The machine is not trusted with the types. */
export function readReply(line: string): AgentReply | null {
  let raw: unknown;
  try {
    raw = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return null;
  const { id, ok, errno, at, us, ...data } = raw as Record<string, unknown>;
  if (typeof id !== 'number' || typeof ok !== 'boolean') return null;
  return {
    id, ok,
    // Of an error it says what was tried; where all went well it is the operation's own.
    data: at === undefined || typeof at === 'string' ? data : { ...data, at },
    errno: ok ? null : typeof errno === 'string' ? errno : 'EUNKNOWN',
    at: typeof at === 'string' ? at : null,
    us: typeof us === 'number' ? us : 0,
  };
}

/** Everything but harmless characters is percent-encoded, so that a value can hold anything. */
export function encode(value: string): string {
  return Buffer.from(value, 'utf8').toString('latin1').replace(/[^A-Za-z0-9\-_.,:+/=]/g,
    (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`);
}

/** A number of a reply, or an error that says that the agent broke its protocol. */
export function numberOf(reply: AgentReply, key: string): number {
  const value = reply.data[key];
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new LabError(`agent: no number ${key} in its answer`);
  return value as number;
}

/** A list of number triples or pairs of a reply, checked. */
export function tuplesOf(reply: AgentReply, key: string, width: number): number[][] {
  const value = reply.data[key];
  const good = Array.isArray(value) && value.every((row) =>
    Array.isArray(row) && row.length === width && row.every((n) => Number.isSafeInteger(n) && (n as number) >= 0));
  if (!good) throw new LabError(`agent: no list ${key} in its answer`);
  return value as number[][];
}
