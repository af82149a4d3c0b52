// SPDX-License-Identifier: Apache-2.0
// An SSH session with the machine: commands, uploads and logins. The host key must be the one that the agent named, so
// that a session cannot reach another machine by mistake.
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import pRetry from 'p-retry';
import ssh2, { type Client, type ClientChannel } from 'ssh2';
import { within } from '../util/deadline.js';
import { ClientGone, CommandTimeout, LabError, messageOf } from '../util/errors.js';
import { printable } from '../util/text/escape.js';
import { NO_PULSE, type Pulse, whileItMoves } from '../util/pulse.js';

export interface SshTarget {
  port: number;
  privateKey: string;
  /** SHA-256 of the host key, base64 without padding. */
  hostKey: string;
  /** Milliseconds for the whole connection attempt, all tries together, in which the machine shows no progress. */
  deadline: number;
  signal: AbortSignal;
  /** Shows that the machine makes progress. */
  pulse?: Pulse;
}

export interface ExecResult {
  status: number | null;
  signal: string | null;
  /** At most `limit` bytes each; `cut` is set if there was more. */
  stdout: string;
  stderr: string;
  cut: boolean;
}

/** The part of a session that a run needs. */
export type Session = Pick<SshSession, keyof SshSession>;

export class SshSession {
  private constructor(
    private readonly client: Client,
    /** Resolves when the connection is gone, for any reason. */
    readonly closed: Promise<void>,
  ) {}

  static async open(target: SshTarget): Promise<SshSession> {
    const over = new AbortController();
    // This deadline is the only one. ssh2's own is set out of the way, so that a timeout always has the same error.
    const tries = pRetry(() => connectOnce(target), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 50,
      factor: 1.5,
      maxTimeout: 1000,
      signal: AbortSignal.any([target.signal, over.signal]),
      shouldRetry: ({ error }) => !(error instanceof ClientGone || error instanceof LabError),
    });
    const wait = {
      ms: target.deadline,
      what: 'SSH session with the machine',
      pulse: target.pulse ?? NO_PULSE,
      signal: target.signal,
    };
    return whileItMoves(tries, wait).finally(() => over.abort());
  }

  private static of(client: Client): SshSession {
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    client.on('error', () => undefined);
    return new SshSession(client, closed);
  }

  static wrap(client: Client): SshSession {
    return SshSession.of(client);
  }

  /**
   * Opens a channel that runs `command`; the caller owns it.
   * @param opened called at once, because the exit status of a short command may arrive in the packet that opens its
   * channel
   */
  channel(command: string, opened: (channel: ClientChannel) => void = () => undefined): Promise<ClientChannel> {
    return new Promise((resolve, reject) => {
      const gone = (error: unknown) => reject(new ClientGone(`the machine opens no channel: ${messageOf(error)}`));
      try {
        this.client.exec(command, (error, channel) => {
          if (error) return gone(error);
          opened(channel);
          resolve(channel);
        });
      } catch (error) {
        gone(error); // ssh2 throws if the session is over
      }
    });
  }

  /** Opens a channel that runs `command` in a terminal; the caller owns it. */
  terminal(command: string, size: { rows: number; cols: number; term: string }): Promise<ClientChannel> {
    return new Promise((resolve, reject) => {
      this.client.exec(command, { pty: { ...size, width: 0, height: 0 } }, (error, channel) =>
        error ? reject(error) : resolve(channel),
      );
    });
  }

  /**
   * Runs a command to its end. After `ms` it is killed, and CommandTimeout is thrown. Output beyond `limit` bytes per
   * stream is read and dropped.
   */
  async exec(
    command: string,
    options: { input?: Buffer; ms: number; limit?: number; signal?: AbortSignal },
  ): Promise<ExecResult> {
    const limit = options.limit ?? 1 << 20;
    const running: { channel: ClientChannel | null } = { channel: null };
    const run = async (): Promise<ExecResult> => {
      let status: number | null = null;
      let signal: string | null = null;
      let closed = (): void => undefined;
      const end = new Promise<void>((resolve) => (closed = resolve));
      const channel = await this.channel(command, (opened) => {
        running.channel = opened;
        opened.on('exit', (code: number | null, name?: string) => {
          status = code;
          signal = name ?? null;
        });
        opened.on('close', closed);
        opened.on('error', () => undefined);
      });
      const out = collect(channel, limit);
      const err = collect(channel.stderr, limit);
      channel.end(options.input);
      await end;
      return { status, signal, stdout: out.text(), stderr: err.text(), cut: out.cut() || err.cut() };
    };
    const limits = {
      ms: options.ms,
      what: `end of \`${printable(command, 80)}\``,
      whose: 'command' as const,
      signal: options.signal,
    };
    return within(run(), limits).catch((error: unknown) => {
      if (error instanceof CommandTimeout) kill(running.channel);
      throw error;
    });
  }

  close(): void {
    this.client.destroy();
  }
}

/** A machine that no longer answers does not receive the signal either. */
function kill(channel: ClientChannel | null): void {
  try {
    channel?.signal('KILL');
    channel?.close();
  } catch {
    // The session is over.
  }
}

function collect(stream: NodeJS.ReadableStream, limit: number): { text: () => string; cut: () => boolean } {
  const parts: Buffer[] = [];
  let size = 0;
  let cut = false;
  stream.on('data', (chunk: Buffer) => {
    const room = limit - size;
    if (chunk.length > room) cut = true;
    const part = chunk.subarray(0, Math.max(0, room));
    if (part.length > 0) parts.push(part);
    size += part.length;
  });
  return { text: () => Buffer.concat(parts).toString('utf8'), cut: () => cut };
}

function connectOnce(target: SshTarget): Promise<SshSession> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    let wrongKey: ClientGone | null = null;
    client.once('ready', () => {
      resolve(SshSession.wrap(client));
    });
    // One connection may raise several errors, and an error without a listener would end the lab.
    client.on('error', (error) => {
      client.destroy();
      reject(wrongKey ?? ofHost(error) ?? new Error(messageOf(error)));
    });
    client.once('close', () => reject(wrongKey ?? new Error('connection closed')));
    client.connect({
      // Send small packets at once: waiting for the previous acknowledgement would cost 40 ms per exchange.
      sock: connect({ host: '127.0.0.1', port: target.port, noDelay: true }),
      username: 'root',
      privateKey: target.privateKey,
      readyTimeout: 2 * target.deadline,
      keepaliveInterval: 0,
      // The cheapest algorithms for an emulated CPU; dropbear offers them all.
      algorithms: {
        kex: ['curve25519-sha256'],
        serverHostKey: ['ssh-ed25519'],
        cipher: ['aes128-ctr'],
        hmac: ['hmac-sha2-256'],
        compress: ['none'],
      },
      hostVerifier: (key: Buffer) => {
        const got = createHash('sha256').update(key).digest('base64').replace(/=+$/, '');
        if (got === target.hostKey) return true;
        // QEMU keeps the port while it runs, so the machine itself is contradicting what it said.
        wrongKey = new ClientGone(`the machine has another SSH host key than it said: ${got}`);
        return false;
      },
    });
  });
}

/** Errors that mean that the host lacks something for one more connection. They are not the machine's fault. */
const HOST_ERRORS: readonly string[] = ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'EACCES', 'EPERM'];

export function ofHost(error: Error & { code?: unknown }): LabError | null {
  const { code } = error;
  return typeof code === 'string' && HOST_ERRORS.includes(code)
    ? new LabError(`the host cannot open a connection to the machine: ${code}`, { cause: error })
    : null;
}
