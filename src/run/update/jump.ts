// SPDX-License-Identifier: Apache-2.0
// The jump itself: what must be ready before it, what meets it, and how it is told from a refusal.
import type { AgentReply } from '../../guest/agent.js';
import { ClientGone, LabError, NoProgress } from '../../util/errors.js';
import { LEFT_OUT } from '../agent/reply.js';
import { inspectDevices } from '../devices/inspect.js';
import { prepareTransfer, settleTransfers } from '../devices/transfers.js';
import type { UpdateAttempt } from '../engine/attempts.js';
import type { Operation } from '../engine/operation.js';
import type { Parts } from '../engine/parts.js';
import { keepHandover, pagesOfHandover } from './keep-memory.js';
import { breakAtKexec, type KexecBreakpoint } from './kexec-breakpoint.js';
import { Racing } from '../steps/racing.js';
import { recordStep } from '../steps/record-step.js';
import { injectFault } from './faults.js';
import { flbHeader } from './flb-header.js';

export class Jump {
  private readonly racing: Racing;
  /** Each begins one transfer. */
  private transfers: (() => Promise<void>)[] = [];
  private begun: Promise<unknown> = Promise.resolve();
  private breakpoint: KexecBreakpoint | null = null;
  private startedAt = 0;

  constructor(
    private readonly parts: Parts,
    private readonly attempt: UpdateAttempt,
  ) {
    this.racing = new Racing(parts, attempt.late);
  }

  /** Milliseconds since the kernel was asked to jump. */
  get ms(): number {
    return this.parts.recorder.clock.now() - this.startedAt;
  }

  /** All that takes time, so that little stands between the beginning of a transfer and the jump. */
  async prepare(): Promise<void> {
    const { parts } = this;
    for (const operation of this.attempt.late) {
      const transfer = await this.prepareTransfer(operation);
      if (transfer !== null) this.transfers.push(transfer);
    }
    await this.racing.prepare();
    await inspectDevices(parts, 'kexec');
    parts.taint.leaves(parts.machine);
  }

  private async prepareTransfer(operation: Operation): Promise<(() => Promise<void>) | null> {
    const { parts } = this;
    const device = operation.op === 'device-dma' ? parts.state.devices.get(operation.device) : undefined;
    if (device === undefined) return null;
    const ready = device.open ? await prepareTransfer(parts, device) : LEFT_OUT;
    return async () => {
      const { clock } = parts.recorder;
      const started = clock.now();
      const reply = 'start' in ready ? await ready.start() : ready;
      recordStep(parts, operation, { target: device.spec.name, reply, ms: clock.now() - started });
    };
  }

  /** Has the old kernel jump. @returns its refusal; null where it has begun the kexec */
  async begin(): Promise<AgentReply | null> {
    const { recorder, state, deadlines, machine, user } = this.parts;
    this.startedAt = recorder.clock.now();
    recorder.event({ kind: 'kexec', state: 'going' });
    state.flbHeader = await flbHeader(this.parts);
    this.breakpoint = await breakAtKexec(this.parts, this.attempt.jumpFaults);
    // The agent carries out one request after the other: these are sent together with the next, and cost no time
    // between.
    this.begun = Promise.all(this.transfers.map((each) => each()));
    this.begun.catch(() => undefined);
    machine.kexecWatch.arm();
    // Nobody closes the session of a kernel that jumped: the console shows it first, or the next kernel's mark.
    const left = Promise.race([
      machine.untilKexecStarts(deadlines.boot),
      machine.untilReady(recorder.epoch + 1, deadlines.boot),
      ...(this.breakpoint === null ? [] : [this.breakpoint.stopped]),
    ]).then(() => null);
    left.catch(() => undefined);
    const answer = await Promise.race([user.main.kexec(() => this.racing.begin()), left]);
    if (answer !== null) return answer;
    // A channel that ends may be the jump; where the kernel never begins it, the client died before.
    return left.catch((error: unknown) => {
      throw error instanceof NoProgress && user.main.isGone
        ? new ClientGone('the agent is gone, and its kernel has not begun the kexec')
        : error;
    });
  }

  /** The kernel has refused, and goes on. */
  async stay(answer: AgentReply): Promise<void> {
    const { parts } = this;
    parts.machine.kexecWatch.disarm();
    parts.taint.stays();
    await this.begun;
    await this.racing.stays();
    await this.breakpoint?.resume();
    await settleTransfers(parts);
    parts.recorder.event({ kind: 'kexec', state: 'refused', errno: answer.errno ?? '' });
    recordStep(parts, this.attempt.kexec, { target: 'next kernel', reply: answer, ms: this.ms });
  }

  /** The kernel has begun the kexec: faults are injected, and what it hands over is kept. */
  async inject(): Promise<void> {
    const { parts, breakpoint } = this;
    const { machine, deadlines } = parts;
    const { jumpFaults } = this.attempt;
    await machine.until(this.begun, deadlines.request(), 'answer about a transfer');
    await breakpoint?.reached();
    if (machine.kexecWatch.missed && jumpFaults.length > 0)
      throw new LabError(
        "the moment of the jump was missed: the next kernel was there before the old one's last words",
      );
    const whole = breakpoint === null ? [] : await pagesOfHandover(parts);
    for (const { fault } of jumpFaults) await injectFault(parts, fault);
    if (breakpoint !== null) await keepHandover(parts, whole);
    await breakpoint?.resume();
  }

  /** Everything that belonged to the old kernel is gone; the next one is the running kernel from here on. */
  async leave(): Promise<void> {
    const { recorder, state, taint, user } = this.parts;
    user.dropFirst();
    user.dropOthers();
    await this.racing.gone();
    user.disconnect();
    state.jumped();
    taint.stays();
    recorder.epoch += 1;
    state.loaded = false;
  }
}
