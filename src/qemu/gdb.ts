// SPDX-License-Identifier: Apache-2.0
// A client for QEMU's debugger stub, with just the commands for a stop at one instruction. Protocol: GDB's Remote
// Serial Protocol (GDB manual, appendix E); QEMU 7.2, gdbstub/. The stub is opened on demand, and the machine stops as
// soon as somebody connects.
import { connect, type Socket } from 'node:net';
import { deferred, within, type Deferred } from '../util/deadline.js';
import { LabError } from '../util/errors.js';

/** Longest accepted packet in bytes. A stop reply has a few dozen. */
const MAX_PACKET = 1 << 16;
const DEADLINE = 30_000;
/** A stop reply starts with a signal number. */
const STOP = /^[ST][0-9a-f]{2}/i;

/** The packet that a command is waiting for. */
type AwaitedPacket = 'answer' | 'stop';

export class DebuggerStub {
  private buffer = '';
  private waiting: { answer: Deferred<string>; kind: AwaitedPacket } | null = null;
  private failed: Error | null = null;

  private constructor(private readonly socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.take(chunk));
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new Error("the debugger's socket closed")));
  }

  /**
   * Connects; this stops the machine.
   * @param path socket that QEMU's `gdbserver` listens on
   */
  static async attach(path: string): Promise<DebuggerStub> {
    const socket = connect(path);
    const connected = deferred<void>();
    socket.once('connect', () => connected.resolve());
    socket.once('error', (error) => connected.reject(new LabError(`QEMU's debugger stub: ${error.message}`)));
    await within(connected.promise, { ms: DEADLINE, what: "connection to QEMU's debugger stub", whose: 'host' });
    return new DebuggerStub(socket);
  }

  /**
   * Makes any vCPU stop at a linear address once the machine runs again. It is a hardware breakpoint, so no byte of the
   * machine changes.
   */
  async breakAt(linear: bigint): Promise<void> {
    const answer = await this.request(`Z1,${linear.toString(16)},1`);
    if (answer !== 'OK')
      throw new LabError(`QEMU's debugger stub cannot set a breakpoint: ${answer || 'it does not know the command'}`);
  }

  /** Removes the breakpoint at this address. A machine that stands there could not go on otherwise. */
  async clearBreak(linear: bigint): Promise<void> {
    const answer = await this.request(`z1,${linear.toString(16)},1`);
    if (answer !== 'OK')
      throw new LabError(
        `QEMU's debugger stub cannot remove a breakpoint: ${answer || 'it does not know the command'}`,
      );
  }

  /** Resumes the machine until it hits a breakpoint; resolves when it has stopped. */
  async runUntilStop(): Promise<void> {
    await this.send('c', 'stop').promise;
  }

  /** Lets one vCPU run for a while; all others stand. */
  async runAlone(vcpu: number, ms: number): Promise<void> {
    // The stub counts threads from 1.
    const stopped = this.send(`vCont;c:${(vcpu + 1).toString(16)}`, 'stop').promise;
    await within(stopped, { ms, what: 'stop of a vCPU', whose: 'host' }).catch(() => undefined);
    await this.interrupt();
  }

  /** Resumes the machine without breakpoints. */
  async detach(): Promise<void> {
    await this.interrupt();
    if (this.failed === null) await this.request('D');
    this.socket.destroy();
  }

  /** Stops a machine that runs: until then, the stub accepts only the interrupt byte. */
  private async interrupt(): Promise<void> {
    if (this.failed !== null || this.waiting?.kind !== 'stop') return;
    const stopped = this.waiting.answer.promise;
    this.socket.write('\x03');
    await within(stopped, { ms: DEADLINE, what: "stop by QEMU's debugger stub", whose: 'host' });
  }

  private async request(packet: string): Promise<string> {
    return within(this.send(packet, 'answer').promise, {
      ms: DEADLINE,
      what: "answer from QEMU's debugger stub",
      whose: 'host',
    });
  }

  private send(packet: string, kind: AwaitedPacket): Deferred<string> {
    const answer = deferred<string>();
    if (this.failed !== null) answer.reject(new LabError(`QEMU's debugger stub: ${this.failed.message}`));
    this.waiting = { answer, kind };
    this.socket.write(`$${packet}#${checksum(packet)}`, 'latin1');
    return answer;
  }

  private take(chunk: string): void {
    this.buffer = (this.buffer + chunk).slice(-MAX_PACKET);
    for (;;) {
      const packet = /\$([^#]*)#[0-9a-f]{2}/i.exec(this.buffer);
      if (packet === null) return;
      this.buffer = this.buffer.slice(packet.index + packet[0].length);
      this.socket.write('+');
      const text = packet[1] ?? '';
      const { waiting } = this;
      // The stub also reports a stop unasked, for example when somebody connects. Only `runUntilStop` waits for such a
      // packet.
      if (waiting === null || STOP.test(text) !== (waiting.kind === 'stop')) continue;
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

/** The sum of all bytes modulo 256, as two hexadecimal digits. */
export function checksum(packet: string): string {
  let sum = 0;
  for (let i = 0; i < packet.length; i++) sum = (sum + packet.charCodeAt(i)) & 0xff;
  return sum.toString(16).padStart(2, '0');
}
