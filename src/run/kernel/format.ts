// SPDX-License-Identifier: Apache-2.0
// The addresses of the running kernel's handover data: those of its symbols, moved as far as the kernel moved itself.
import type { HandoverFormat } from '../../images/abi/handover-format.js';
import type { Needs } from '../engine/parts.js';
import { shiftOf } from './shift.js';

/** Null or undefined if the format of this kernel was not read. */
export async function runningFormat({
  plan,
  recorder,
  view,
}: Needs<'plan' | 'recorder' | 'view'>): Promise<HandoverFormat | null | undefined> {
  const format = plan.formats[recorder.epoch];
  return format == null ? format : moved(format, await runningShift({ plan, recorder, view }));
}

export async function runningShift({ plan, recorder, view }: Needs<'plan' | 'recorder' | 'view'>): Promise<bigint> {
  return shiftOf(plan.kernels[recorder.epoch], view.memory, await view.registers());
}

export function moved(format: HandoverFormat, shift: bigint): HandoverFormat {
  if (shift === 0n) return format;
  const { khoOut, machineKexec, handlers } = format;
  return {
    ...format,
    khoOut: { start: khoOut.start + shift, end: khoOut.end + shift },
    machineKexec: machineKexec + shift,
    handlers: handlers === null ? null : handlers + shift,
  };
}
