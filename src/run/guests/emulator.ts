// SPDX-License-Identifier: Apache-2.0
// Who is to blame for a guest that stops. QEMU's emulation of SVM can stop a Linux guest by itself: helper_vmrun() of
// target/i386/tcg does not clear the vector of an interrupt that it has injected. If another CPU of the machine is sent
// an interrupt before the guest exits, QEMU injects the vector once more. A machine with one CPU is not affected.
import type { Outcome } from '../../model/result/outcome.js';
import type { Needs } from '../engine/parts.js';
import type { GuestState } from '../state/guest.js';

export interface StoppedGuest {
  implies: Outcome;
  /** Added to the detail of the incident. Empty if the kernels are to blame. */
  hint: string;
}

/**
 * A guest that never came up in the first kernel says nothing about an update, like a first kernel that does not boot.
 * @param stopped whether the guest makes no progress
 */
export function judgeStop(
  { plan, recorder }: Needs<'plan' | 'recorder'>,
  guest: GuestState,
  stopped: boolean,
): StoppedGuest {
  const { accel, scenario } = plan;
  if (stopped && recorder.epoch === 0 && guest.ticks === 0)
    return { implies: 'infra', hint: '; it never came up, and no update was tried' };
  const emulator = accel === 'tcg' && scenario.machine.cpus > 1;
  return emulator && (stopped || guest.now.stat?.panicked === true)
    ? { implies: 'infra', hint: '; QEMU can cause this with several CPUs: use machine: {cpus: 1}, or KVM' }
    : { implies: 'corrupt', hint: '' };
}
