// SPDX-License-Identifier: Apache-2.0
// A client for the QEMU Machine Protocol over a local socket. It matches replies by id and reports every event. Format:
// QEMU's docs/interop/qmp-spec.txt (7.2).
import { connect, type Socket } from 'node:net';
import { z } from 'zod';
import { deferred, within, type Deferred } from '../util/deadline.js';
import { LabError } from '../util/errors.js';
import { parseJson } from '../util/json.js';
import { printable } from '../util/text/escape.js';
import { LineSplitter } from '../util/text/lines.js';

export interface QmpEvent {
  event: string;
  data: unknown;
}

/** A greeting, an event or a reply. Who reads an event or a reply checks its content. */
const messageSchema = z.object({
  QMP: z.unknown().optional(),
  event: z.string().max(100).optional(),
  data: z.unknown().optional(),
  id: z.number().int().optional(),
  return: z.unknown().optional(),
  error: z.object({ desc: z.string().optional() }).nullable().optional(),
});

/** Longest accepted message in bytes. `info mtree` of a large machine has a few hundred KiB. */
const MAX_MESSAGE = 8 << 20;

export class Qmp {
  private readonly waiting = new Map<number, Deferred<unknown>>();
  private readonly greeting = deferred<void>();
  private lastId = 0;
  private closed: Error | null = null;

  private constructor(
    private readonly socket: Socket,
    private readonly onEvent: (event: QmpEvent) => void,
    private readonly log: (direction: 'out' | 'in', message: string) => void,
  ) {
    const lines = new LineSplitter((line) => this.take(line), MAX_MESSAGE);
    socket.on('data', (chunk: Buffer) => lines.feed(chunk));
    socket.on('error', (error) => this.end(error));
    socket.on('close', () => this.end(new Error('the monitor socket closed')));
  }

  /** Connects, waits for the greeting and leaves negotiation mode. Rejects when `signal` is aborted (QEMU died). */
  static async open(
    path: string,
    hooks: {
      onEvent: (event: QmpEvent) => void;
      log: (direction: 'out' | 'in', message: string) => void;
      signal: AbortSignal;
      deadline: number;
    },
  ): Promise<Qmp> {
    const qmp = new Qmp(await connectWhenThere(path, hooks.deadline, hooks.signal), hooks.onEvent, hooks.log);
    try {
      await within(qmp.greeting.promise, {
        ms: hooks.deadline,
        what: 'greeting from the QEMU monitor',
        whose: 'host',
        signal: hooks.signal,
      });
      await qmp.run('qmp_capabilities');
      return qmp;
    } catch (error) {
      qmp.close();
      throw error;
    }
  }

  /**
   * Runs one command.
   * @param ms deadline in milliseconds
   */
  async run(command: string, args: Record<string, unknown> = {}, ms = 60_000): Promise<unknown> {
    if (this.closed !== null) throw new LabError(`QEMU monitor: ${this.closed.message}`);
    const id = ++this.lastId;
    const reply = deferred<unknown>();
    this.waiting.set(id, reply);
    const text = JSON.stringify({ execute: command, arguments: args, id });
    this.log('out', text);
    this.socket.write(`${text}\n`);
    try {
      return await within(reply.promise, { ms, what: `answer from QEMU to ${command}`, whose: 'host' });
    } finally {
      this.waiting.delete(id);
    }
  }

  /** Runs a command of the human monitor and returns its text. */
  async human(commandLine: string): Promise<string> {
    const text = await this.run('human-monitor-command', { 'command-line': commandLine });
    if (typeof text !== 'string') throw new LabError(`QEMU monitor: no text from ${commandLine}`);
    return text;
  }

  close(): void {
    this.socket.destroy();
  }

  private take(line: string): void {
    if (line === '' || this.closed !== null) return;
    this.log('in', line);
    const message = parseJson(line, messageSchema);
    if (message === null) this.end(new Error(`unreadable message: ${printable(line.slice(0, 200))}`));
    else if (message.QMP !== undefined) this.greeting.resolve();
    else if (message.event !== undefined) this.onEvent({ event: message.event, data: message.data ?? null });
    else if (message.id !== undefined) {
      const reply = this.waiting.get(message.id);
      if (message.error !== undefined)
        reply?.reject(new LabError(`QEMU monitor: ${message.error?.desc ?? 'an error without a description'}`));
      else reply?.resolve(message.return);
    }
  }

  private end(error: Error): void {
    this.closed ??= error;
    this.greeting.reject(error);
    for (const reply of this.waiting.values()) reply.reject(new LabError(`QEMU monitor: ${error.message}`));
    this.waiting.clear();
    this.socket.destroy();
  }
}

/** QEMU creates the socket a few milliseconds after its start, so this retries until the deadline or the signal. */
async function connectWhenThere(path: string, deadline: number, signal: AbortSignal): Promise<Socket> {
  const until = performance.now() + deadline;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await connectOnce(path);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'ENOENT' && code !== 'ECONNREFUSED') throw error;
      if (performance.now() > until)
        throw new LabError(`QEMU did not open its monitor within ${deadline / 1000} s`, { cause: error });
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function connectOnce(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.removeListener('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
