// SPDX-License-Identifier: Apache-2.0
// Stops the machine at the exact moment of a jump: after the old kernel has written everything that it hands over, and
// before the first instruction of the next kernel. It is a breakpoint on the kernel's machine_kexec(), so a busy host
// cannot make it late.
import { HandoverError } from '../../handover/index.js';
import type { Action, Fault } from '../../model/scenario/scenario.js';
import { LabError } from '../../util/errors.js';
import type { Needs } from '../engine/parts.js';
import { stopsForRung } from '../engine/rungs.js';
import { runningFormat } from '../kernel/format.js';
import { letOthersSleep } from './asleep.js';
import { canFollow } from '../judge/handed-over/fingerprint.js';
import { rememberHandover } from './handover.js';
import { saveBeforeUserSpace } from './next-kernel-rungs.js';

export interface KexecBreakpoint {
  /** Resolves when the machine has stopped at the jump; has no deadline. */
  stopped: Promise<void>;
  /** Waits until the machine has stopped at the jump. Throws LabError if the next kernel starts without that stop. */
  reached(): Promise<void>;
  /** The machine stands at the jump. */
  readonly isAtJump: boolean;
  /** Resumes the machine. */
  resume(): Promise<void>;
}

function changes(fault: Fault, side: 'outgoing' | 'incoming'): boolean {
  return fault.kind === 'change' && fault.side === side;
}

/** Whether a scenario needs the breakpoint, which takes QEMU's only debugger stub. */
export function takesDebugger(actions: readonly Action[]): boolean {
  return actions.some(
    (action) =>
      action.op === 'fault' &&
      action.fault.kind === 'change' &&
      (action.at === 'jump' || action.fault.side === 'incoming'),
  );
}

/**
 * Whether the other processors may still have to fall asleep at this jump: emulated ones take turns. Where that alone
 * asks for the breakpoint, it does without what it cannot have.
 */
function sleepsAtJump({ plan, recorder, machine }: Needs<'plan' | 'recorder' | 'machine'>): boolean {
  const several = plan.accel === 'tcg' && plan.scenario.machine.cpus > 1;
  return several && plan.formats[recorder.epoch] != null && !machine.isDebugged;
}

/**
 * Sets the breakpoint if the other processors may not sleep yet, if a fault of this jump needs it, if a later fault
 * needs what the next kernel no longer shows, if the handover is to be kept, or if the machine is saved here or was.
 */
export async function breakAtKexec(
  parts: Needs<'plan' | 'recorder' | 'machine' | 'state' | 'deadlines' | 'view'>,
  jumpFaults: readonly { fault: Fault }[],
): Promise<KexecBreakpoint | null> {
  const { plan, recorder, machine, state, deadlines } = parts;
  const now = jumpFaults.some(({ fault }) => changes(fault, 'outgoing'));
  const later = plan.scenario.steps.some(
    (step) => step.epoch === recorder.epoch + 1 && step.op === 'fault' && changes(step.fault, 'incoming'),
  );
  state.handover = null;
  const format = await runningFormat(parts);
  const kept = plan.memory?.jumps === true && format != null;
  const rung = format != null && stopsForRung(plan, recorder.epoch);
  const needed = now || later || kept || rung;
  const wanted = sleepsAtJump(parts) || (canFollow(plan, recorder.epoch) && !machine.isDebugged);
  if (!needed && !wanted) return null;
  if (!format) throw new LabError(`the handover format of the kernel of epoch ${recorder.epoch} was not read`);
  const stub = await machine.attachDebugger();
  let stopped: Promise<void>;
  try {
    await stub.breakAt(format.machineKexec);
    stopped = stub.runUntilStop();
    stopped.catch(() => undefined);
  } catch (error) {
    await stub.detach();
    if (!needed) return null;
    throw error;
  }
  let isAtJump = false;
  return {
    stopped,
    get isAtJump() {
      return isAtJump;
    },
    reached: async () => {
      const next = machine.untilReady(recorder.epoch + 1, deadlines.boot).then(() => {
        if (!needed) return;
        throw new LabError('the next kernel has begun without a stop at the jump', {
          hint:
            plan.accel === 'kvm' ? 'KVM did not report the breakpoint on machine_kexec(): lab run --accel tcg' : null,
        });
      });
      next.catch(() => undefined);
      const there = stopped.then(() => void (isAtJump = true));
      await machine.until(Promise.race([there, next]), deadlines.boot, 'stop at the jump');
      if (plan.accel === 'tcg') await letOthersSleep(parts, stub, format.machineKexec);
      if (!now && !later && !kept) return;
      // An earlier fault may have made the handover unreadable. That matters only if a later fault needs it.
      await rememberHandover(parts).catch((error: unknown) => {
        if (later || !(error instanceof HandoverError)) throw error;
      });
    },
    resume: async () => {
      try {
        await saveBeforeUserSpace(parts, stub, format.machineKexec);
      } finally {
        await stub.detach();
        // A fault has stopped the machine for good; the debugger's farewell lets it run again.
        if (machine.frozen) await machine.command('stop');
      }
    },
  };
}
