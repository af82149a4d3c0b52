// SPDX-License-Identifier: Apache-2.0
// QEMU's debugger stub, as much of it as a stop at one instruction takes. Protocol: GDB's Remote Serial Protocol (GDB
// manual, appendix E); QEMU 7.2, gdbstub/. The stub is opened on demand, and the machine stands still from the moment
// that somebody connects.
import { connect, type Socket } from 'node:net';
import { deferred, within, type Deferred } from '../util/deadline.js';
import { LabError } from '../util/errors.js';

/** Longest packet that is read, in bytes; a stop reply is some dozen. */
const LONGEST = 1 << 16;
const DEADLINE = 30_000;
/** A stop reply: signal number, and more. */
const STOP = /^[ST][0-9a-f]{2}/i;

export class DebuggerStub {
  private buffer = '';
  private waiting: { answer: Deferred<string>; stop: boolean } | null = null;
  private failed: Error | null = null;

  private constructor(private readonly socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.take(chunk));
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new Error("the debugger's socket closed")));
  }

  /** Connects; the machine stops. @param path socket that QEMU's `gdbserver` listens on */
  static async attach(path: string): Promise<DebuggerStub> {
    const socket = connect(path);
    const connected = deferred<void>();
    socket.once('connect', () => connected.resolve());
    socket.once('error', (error) => connected.reject(new LabError(`QEMU's debugger stub: ${error.message}`)));
    await within(connected.promise, { ms: DEADLINE, what: "connection to QEMU's debugger stub", whose: 'host' });
    return new DebuggerStub(socket);
  }

  /**
   * Stops any vCPU that comes to a linear address, once the machine runs again. A hardware breakpoint: no byte of the
   * machine changes.
   */
  async breakAt(linear: bigint): Promise<void> {
    const answer = await this.request(`Z1,${linear.toString(16)},1`);
    if (answer !== 'OK') throw new LabError(`QEMU's debugger stub sets no breakpoint: ${answer || 'no such command'}`);
  }

  /** Lets the machine run until a breakpoint; resolves when it stands still. */
  async runUntilStop(): Promise<void> {
    await this.send('c', true).promise;
  }

  /** Lets the machine run on, without breakpoints. */
  async detach(): Promise<void> {
    // While it runs it hears nothing but the call to stop.
    if (this.failed === null && this.waiting?.stop) {
      const stopped = this.waiting.answer.promise;
      this.socket.write('\x03');
      await within(stopped, { ms: DEADLINE, what: "stop by QEMU's debugger stub", whose: 'host' });
    }
    if (this.failed === null) await this.request('D');
    this.socket.destroy();
  }

  private async request(packet: string): Promise<string> {
    return within(this.send(packet, false).promise, {
      ms: DEADLINE,
      what: "answer from QEMU's debugger stub",
      whose: 'host',
    });
  }

  private send(packet: string, stop: boolean): Deferred<string> {
    const answer = deferred<string>();
    if (this.failed !== null) answer.reject(new LabError(`QEMU's debugger stub: ${this.failed.message}`));
    this.waiting = { answer, stop };
    this.socket.write(`$${packet}#${checksum(packet)}`, 'latin1');
    return answer;
  }

  private take(chunk: string): void {
    this.buffer = (this.buffer + chunk).slice(-LONGEST);
    for (;;) {
      const packet = /\$([^#]*)#[0-9a-f]{2}/i.exec(this.buffer);
      if (packet === null) return;
      this.buffer = this.buffer.slice(packet.index + packet[0].length);
      this.socket.write('+');
      const text = packet[1] ?? '';
      const { waiting } = this;
      // A stop is told on its own too, as when somebody connects; nothing else but a wait for one is answered by it.
      if (waiting === null || STOP.test(text) !== waiting.stop) continue;
      this.waiting = null;
      waiting.answer.resolve(text);
    }
  }

  private fail(error: Error): void {
    this.failed ??= error;
    this.waiting?.answer.reject(new LabError(`QEMU's debugger stub: ${this.failed.message}`));
    this.waiting = null;
  }
}

/** Sum of the bytes, modulo 256, in two hexadecimal digits. */
export function checksum(packet: string): string {
  let sum = 0;
  for (let i = 0; i < packet.length; i++) sum = (sum + packet.charCodeAt(i)) & 0xff;
  return sum.toString(16).padStart(2, '0');
}
