// SPDX-License-Identifier: Apache-2.0
// The exact moment of a jump: the machine stands still where the old kernel has written all that it hands over, and
// before the first instruction of the next one. A breakpoint on the kernel's own machine_kexec(), so that no load of
// the host can make it late.
import type { Step } from '../../model/scenario/scenario.js';
import { HandoverError } from '../../handover/index.js';
import { DebuggerStub } from '../../qemu/gdb.js';
import { LabError } from '../../util/errors.js';
import type { RunContext } from '../engine/context.js';
import { rememberHandover } from '../update/handover.js';

export interface JumpStop {
  /** Resolves when the machine stands still at the jump; says nothing of how long that may take. */
  stopped: Promise<void>;
  /** Waits until the machine stands still at the jump. Throws LabError where the next kernel has begun without it. */
  reached(): Promise<void>;
  /** Lets the machine go on. */
  goOn(): Promise<void>;
}

function changes(step: Step, epoch: number, side: 'outgoing' | 'incoming'): boolean {
  return step.op === 'fault' && step.fault.kind === 'change' && step.epoch === epoch && step.fault.side === side;
}

/** The stop at the jump takes QEMU's only debugger stub. */
export function takesDebugger(steps: readonly Step[]): boolean {
  return steps.some(
    (step) =>
      step.op === 'fault' && step.fault.kind === 'change' && (step.at === 'jump' || step.fault.side === 'incoming'),
  );
}

/**
 * Has QEMU open its debugger stub; it does so once, and listens again after each use. Returns the path of the socket.
 */
export async function openStub({ plan, machine, state }: RunContext): Promise<string> {
  if (state.debuggerStub !== null) return state.debuggerStub;
  const path = `${plan.dir}/gdb.sock`;
  const said = String(
    await machine.command('human-monitor-command', { 'command-line': `gdbserver unix:${path},server=on,wait=off` }),
  );
  if (/error|could not|fail/i.test(said)) throw new LabError('QEMU opens no debugger stub', { detail: said.trim() });
  return (state.debuggerStub = path);
}

/**
 * Prepares the stop, where a fault needs it: at the jump itself, or later for what the next kernel does not show any
 * more.
 */
export async function stopAtJump(context: RunContext, jumpFaults: readonly Step[]): Promise<JumpStop | null> {
  const { plan, recorder, machine, state, deadlines } = context;
  const now = jumpFaults.some((step) => changes(step, recorder.epoch, 'outgoing'));
  const later = plan.scenario.steps.some((step) => changes(step, recorder.epoch + 1, 'incoming'));
  state.handover = null;
  const format = plan.formats[recorder.epoch];
  const kept = plan.memory?.jumps === true && format != null;
  if (!now && !later && !kept) return null;
  if (!format) throw new LabError(`the handover format of the kernel of epoch ${recorder.epoch} was not read`);
  const stub = await DebuggerStub.attach(await openStub(context));
  let stopped: Promise<void>;
  try {
    await stub.breakAt(format.machineKexec);
    stopped = stub.runUntilStop();
    stopped.catch(() => undefined);
  } catch (error) {
    await stub.detach();
    throw error;
  }
  return {
    stopped,
    reached: async () => {
      const next = machine.untilReady(recorder.epoch + 1, deadlines.boot).then(() => {
        throw new LabError('the next kernel has begun without a stop at the jump');
      });
      next.catch(() => undefined);
      await machine.until(Promise.race([stopped, next]), deadlines.boot, 'stop at the jump');
      // A fault before may have made it unreadable; only who needs it later cannot do without.
      await rememberHandover(context).catch((error: unknown) => {
        if (later || !(error instanceof HandoverError)) throw error;
      });
    },
    goOn: () => stub.detach(),
  };
}
