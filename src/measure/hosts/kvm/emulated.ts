// SPDX-License-Identifier: Apache-2.0
// The emulated machine of `--kvm`, and the port through which commands reach it.
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { within } from '../../../util/deadline.js';
import { LabError, messageOf } from '../../../util/errors.js';
import type { CommandResult } from '../../../util/process/command.js';
import { type Child, startChild } from '../../../util/process/child.js';
import type { HostUser } from '../host.js';

export interface EmulatedOptions {
  /** The start of the command line: QEMU, and what it needs to run. */
  qemu: readonly string[];
  /** Holds `disk`, and gets the console and the socket. */
  dir: string;
  kernel: string;
  initrd: string;
  /** Path in the machine of its first program. */
  init: string;
  signal: AbortSignal;
}

/**
 * XSAVE and what is built on it are masked: QEMU 7.2 does not handle them in nested guests, where a stock kernel then
 * dies in prepare_creds(). Five levels of page tables move vmemmap, which the lab reads.
 */
const MASKED = 'la57 xsave xsaveopt xsavec xsaves xgetbv1 avx avx2 fma f16c pku vaes vpclmulqdq'.split(' ');
export const CPU = ['max', ...MASKED.map((flag) => `${flag}=off`)].join(',');

/**
 * A processor that polls for the next interrupt takes the time from the emulation. QEMU's SVM loses an interrupt now
 * and then, and a timer that comes all the time makes up for it (docs/guests.md, Records).
 */
const TIMERS = 'kvm.halt_poll_ns=0 nohz=off highres=off';

/** Milliseconds. Emulated boots take long on a busy host. */
const BOOT_DEADLINE = 30 * 60_000;
const SOCKET_DEADLINE = 30_000;
const BETWEEN_TRIES = 50;
/** Bytes of one answer: 16 MiB in base64, and more. */
const MAX_ANSWER = 64 << 20;
const CONSOLE_BYTES = 4000;

export function emulatedArgs({ dir, kernel, initrd, init }: Omit<EmulatedOptions, 'qemu' | 'signal'>): string[] {
  const options = [
    ['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    // One processor: with two, QEMU 7.2 corrupted the stack of a vCPU's thread in the host's kernel (seen once). No
    // -icount: a machine's kernel then hangs at boot, because QEMU delivers its interrupts twice (docs/guests.md).
    ['-machine', 'q35', '-accel', 'tcg', '-cpu', CPU, '-smp', '1', '-m', '6G'],
    ['-kernel', kernel, '-initrd', initrd],
    ['-append', `root=/dev/vda rw console=ttyS0 quiet init=/${init} panic=-1 mitigations=off ${TIMERS}`],
    ['-drive', `file=${dir}/disk,format=raw,if=virtio,cache=unsafe`],
    ['-serial', `file:${dir}/console`],
    ['-device', 'virtio-serial-pci', '-chardev', `socket,id=commands,path=${dir}/socket,server=on,wait=off`],
    ['-device', 'virtserialport,nr=1,chardev=commands,name=lab.hosts'],
  ];
  return options.flat();
}

export class EmulatedMachine {
  private text = '';
  private answer: ((line: string) => void) | null = null;

  private constructor(
    private readonly options: EmulatedOptions,
    private readonly child: Child,
    private readonly socket: Socket,
    private readonly gone: AbortSignal,
  ) {
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.take(chunk));
    // The end of the machine says more.
    socket.on('error', () => undefined);
  }

  /** Starts the machine and waits until it takes commands. */
  static async start(options: EmulatedOptions): Promise<EmulatedMachine> {
    const { dir, signal } = options;
    const child = startChild([...options.qemu, ...emulatedArgs(options)], {
      stdio: ['ignore', 'ignore', 'pipe'],
      tie: 'dies-with-lab',
      signal,
    });
    const end = new AbortController();
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => (stderr = `${stderr}${chunk.toString('utf8')}`.slice(-2000)));
    const ended = (how: string) => end.abort(new LabError(`the emulated host ended: ${how}`, { detail: stderr }));
    child.ended.then(
      ({ code, signal: by }) => ended(by ?? `exit status ${code}`),
      (error: unknown) => ended(messageOf(error)),
    );
    try {
      const socket = await connected(join(dir, 'socket'), end.signal);
      const machine = new EmulatedMachine(options, child, socket, end.signal);
      await machine.next(BOOT_DEADLINE, 'start of the emulated host');
      return machine;
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** Runs one line of shell. Commands take turns: the caller waits for each. */
  async run(user: HostUser, line: string): Promise<CommandResult> {
    this.gone.throwIfAborted();
    this.socket.write(`${user} ${Buffer.from(line).toString('base64')}\n`);
    return answerIn(await this.next(null, 'answer of the emulated host'));
  }

  async close(): Promise<void> {
    this.socket.destroy();
    this.child.kill('SIGKILL');
    await this.child.ended.catch(() => undefined);
  }

  /** @param ms null to wait as long as the machine lives */
  private async next(ms: number | null, what: string): Promise<string> {
    const line = new Promise<string>((resolve, reject) => {
      this.answer = resolve;
      this.gone.addEventListener('abort', () => reject(this.gone.reason as Error), { once: true });
      if (this.gone.aborted) reject(this.gone.reason as Error);
    });
    try {
      return await (ms === null ? line : within(line, { ms, what, whose: 'host', signal: this.gone }));
    } catch (error) {
      throw error instanceof LabError
        ? new LabError(error.message, { detail: `${error.detail ?? ''}\n${this.consoleTail()}`, cause: error })
        : error;
    }
  }

  private take(chunk: string): void {
    this.text += chunk;
    if (this.text.length > MAX_ANSWER) this.text = '';
    const end = this.text.indexOf('\n');
    if (end < 0) return;
    const line = this.text.slice(0, end);
    this.text = this.text.slice(end + 1);
    this.answer?.(line);
    this.answer = null;
  }

  private consoleTail(): string {
    try {
      return readFileSync(join(this.options.dir, 'console'), 'utf8').slice(-CONSOLE_BYTES);
    } catch {
      return '';
    }
  }
}

/** Parses `CODE -BASE64 -BASE64`. */
export function answerIn(line: string): CommandResult {
  const [, code, stdout = '', stderr = ''] =
    /^(\d{1,3}) -([A-Za-z0-9+/=]*) -([A-Za-z0-9+/=]*)$/.exec(line.trim()) ?? [];
  if (code === undefined)
    throw new LabError('the emulated host gave an answer that cannot be read', { detail: line.slice(0, 200) });
  const text = (base64: string) => Buffer.from(base64, 'base64').toString('utf8');
  return { code: Number(code), signal: null, stdout: text(stdout), stderr: text(stderr) };
}

/** QEMU makes the socket a moment after its start. */
async function connected(path: string, gone: AbortSignal): Promise<Socket> {
  for (const end = Date.now() + SOCKET_DEADLINE; ;) {
    gone.throwIfAborted();
    const socket = await new Promise<Socket | null>((resolve) => {
      const opening = connect(path);
      opening.once('connect', () => resolve(opening));
      opening.once('error', () => resolve(null));
    });
    if (socket !== null) return socket;
    if (Date.now() > end) throw new LabError('QEMU opens no port for commands');
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_TRIES));
  }
}
