// SPDX-License-Identifier: Apache-2.0
// The jump itself: prepares for it, starts it, and tells a jump from a refusal.
import type { AgentReply } from '../../guest/agent.js';
import { ClientGone, LabError, NoProgress } from '../../util/errors.js';
import { LEFT_OUT } from '../agent/reply.js';
import { inspectDevices } from '../devices/inspect.js';
import { prepareTransfer, settleTransfers } from '../devices/transfers.js';
import type { UpdateAttempt } from '../engine/attempts.js';
import type { Operation } from '../engine/operation.js';
import type { Parts } from '../engine/parts.js';
import { saveRung } from '../engine/rungs.js';
import { missedTheJump, takeFingerprints } from '../judge/handed-over/fingerprint.js';
import { keepHandover, pagesOfHandover } from './keep-memory.js';
import { breakAtKexec, type KexecBreakpoint } from './kexec-breakpoint.js';
import { Racing } from '../steps/racing.js';
import { recordStep } from '../steps/record-step.js';
import { injectFaults } from './faults.js';
import { flbHeader } from './flb-header.js';

export class Jump {
  private readonly racing: Racing;
  /** Each starts one transfer. */
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

  /** Does everything that takes time, so that little happens between the start of a transfer and the jump. */
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

  /**
   * Asks the old kernel to jump.
   * @returns its refusal; null if it has started the kexec
   */
  async begin(): Promise<AgentReply | null> {
    const { recorder, state, deadlines, machine, user } = this.parts;
    this.startedAt = recorder.clock.now();
    recorder.event({ kind: 'kexec', state: 'going' });
    state.flbHeader = await flbHeader(this.parts);
    this.breakpoint = await breakAtKexec(this.parts, this.attempt.jumpFaults);
    // The agent executes requests in order: these are sent together with the kexec, so that no time passes between
    // them.
    this.begun = Promise.all(this.transfers.map((each) => each()));
    this.begun.catch(() => undefined);
    machine.kexecWatch.arm();
    // Nothing closes the session of a kernel that has jumped: the console or the next kernel's mark shows the jump.
    const left = Promise.race([
      machine.untilKexecStarts(deadlines.boot),
      machine.untilReady(recorder.epoch + 1, deadlines.boot),
      ...(this.breakpoint === null ? [] : [this.breakpoint.stopped]),
    ]).then(() => null);
    left.catch(() => undefined);
    const answer = await Promise.race([user.main.kexec(() => this.racing.begin()), left]);
    if (answer !== null) return answer;
    // If the channel ends, the kernel may have jumped. If it never starts the kexec, the client died before.
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

  /** The kernel has started the kexec: injects faults, and keeps what it hands over. */
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
    if (breakpoint !== null) await saveRung(parts, 'jump');
    if (breakpoint?.isAtJump === true) await takeFingerprints(parts);
    else missedTheJump(parts);
    const whole = breakpoint === null ? [] : await pagesOfHandover(parts);
    await injectFaults(
      parts,
      jumpFaults.map(({ fault }) => fault),
    );
    if (breakpoint !== null) await keepHandover(parts, whole);
    await breakpoint?.resume();
  }

  /** Drops everything that belonged to the old kernel; from here on the next kernel is the running one. */
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
