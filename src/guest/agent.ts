// SPDX-License-Identifier: Apache-2.0
// The lab's end of the agent protocol (docs/agent-protocol.md): requests in lines, replies by id, many under way at
// once.
import type { ClientChannel } from 'ssh2';
import { deferred, endsOnce } from '../util/deadline.js';
import { ClientGone } from '../util/errors.js';
import { printable } from '../util/text/escape.js';
import { LineSplitter } from '../util/text/lines.js';
import { Countdown, NO_PULSE, type Pulse } from '../util/pulse.js';

/** What the agent answered: `errno` is null where the call worked. Other keys are the operation's own. */
export interface AgentReply {
  id: number;
  ok: boolean;
  errno: string | null;
  at: string | null;
  us: number;
  data: Readonly<Record<string, unknown>>;
}

/** Errnos of the protocol itself, not a kernel's. */
export const NO_HANDLE = 'NOHANDLE';
export const BAD_REQUEST = 'BADREQ';

/** Longest reply that is read, in bytes; the PFN runs of a badly fragmented 8 GiB file are some 40 MiB. */
const REPLY_LIMIT = 48 << 20;
/** Longest line that can tell progress. */
const PROGRESS_LIMIT = 100;

interface Waiting {
  /** Milliseconds without progress, from the moment at which the agent gets to it; null where nothing is due. */
  ms: number | null;
  what: string;
  /** Runs while the agent carries it out: it takes one request after the other. */
  countdown: Countdown | null;
  /** The last that the agent told of it. */
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
   * @param log gets every line, in both directions
   * @param pulse of the machine that it runs in
   */
  constructor(
    private readonly channel: ClientChannel,
    private readonly log: (direction: 'out' | 'in', line: string) => void,
    private readonly pulse: Pulse = NO_PULSE,
  ) {
    const lines = new LineSplitter((line, cut) => this.take(line, cut), REPLY_LIMIT);
    channel.on('data', (chunk: Buffer) => lines.feed(chunk));
    channel.stderr.on('data', (chunk: Buffer) => log('in', `stderr: ${chunk.toString('utf8').slice(0, 4096)}`));
    const end = deferred<void>();
    this.gone = end.promise;
    channel.on('error', () => undefined);
    channel.on('close', () => {
      this.end(new ClientGone('the agent is gone'));
      end.resolve();
    });
  }

  /**
   * Sends one request; resolves with its answer, whatever it says.
   * @param ms milliseconds without progress; they begin when all that was sent before has been answered
   */
  request(op: string, args: Record<string, string | number>, ms: number, signal?: AbortSignal): Promise<AgentReply> {
    if (this.ended !== null) return Promise.reject(this.ended);
    const id = ++this.lastId;
    const reply = this.wait(id, ms, `answer of the agent to ${op}`, signal);
    this.send([id, op, ...Object.entries(args).map(([key, value]) => `${key}=${encode(String(value))}`)].join(' '));
    return reply;
  }

  /** Nobody is at the other end, or nobody who can be understood. */
  get isGone(): boolean {
    return this.ended !== null;
  }

  /**
   * Lets the machine jump: sends `kexec`, and once the agent says that it goes, the word that lets it go. Resolves with
   * null when the channel ends (it jumped), or with the reply when the reboot call came back.
   * @param alongside called right before that word is sent
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

  /** Gives up the channel without waiting: after a jump nobody is at the other end. */
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

  /** What the agent does now is the first that it has not answered. */
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

  private take(line: string, cut: boolean): void {
    this.log('in', line);
    const progress = readProgress(line);
    if (progress !== null) {
      const { id, done } = progress;
      const waiting = this.waiting.get(id);
      // Told again, or of something that it cannot have got to, it is no progress.
      if (waiting === undefined || waiting.countdown === null || done <= waiting.progress) return;
      waiting.progress = done;
      waiting.countdown.mark();
      return;
    }
    const reply = cut ? null : readReply(line);
    if (reply === null) {
      const what = cut ? `a line longer than ${REPLY_LIMIT >> 20} MiB` : `"${printable(line, 100)}"`;
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

/** `{"id":N,"progress":M}`: the agent goes on with request N. Null where the line says something else. */
function readProgress(line: string): { id: number; done: number } | null {
  if (line.length > PROGRESS_LIMIT) return null;
  const [, id, done] = /^\{"id":(\d{1,16}),"progress":(\d{1,15})\}$/.exec(line) ?? [];
  return id === undefined || done === undefined ? null : { id: Number(id), done: Number(done) };
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
    id,
    ok,
    // Of an error it says what was tried; where all went well it is the operation's own.
    data: at === undefined || typeof at === 'string' ? data : { ...data, at },
    errno: ok ? null : typeof errno === 'string' ? errno : 'EUNKNOWN',
    at: typeof at === 'string' ? at : null,
    us: typeof us === 'number' ? us : 0,
  };
}

/** Everything but harmless characters is percent-encoded, so that a value can hold anything. */
export function encode(value: string): string {
  return Buffer.from(value, 'utf8')
    .toString('latin1')
    .replace(/[^A-Za-z0-9\-_.,:+/=]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`);
}

/** A number of a reply. Without it the client in the machine cannot be believed: it counts as gone. */
export function numberOf(reply: AgentReply, key: string): number {
  const value = reply.data[key];
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new ClientGone(`the agent's answer cannot be used: no number ${key}`);
  return value as number;
}

/** A list of number triples or pairs of a reply, checked. */
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
