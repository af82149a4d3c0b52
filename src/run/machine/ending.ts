// SPDX-License-Identifier: Apache-2.0
// How a machine ends on its own. The first cause counts; later ones only become incidents.
import type { Outcome } from '../../model/result/outcome.js';

/** Whether the machine still runs. After its end, the lab concludes nothing from what is missing. */
export type MachineLife = 'runs' | 'ended';

export interface Ending {
  kind: 'panic' | 'reset' | 'shutdown' | 'cold-boot' | 'qemu-gone';
  title: string;
  implies: Outcome;
}

/** Every wait rejects with this as soon as the machine has ended. */
export class MachineEnded extends Error {
  override name = 'MachineEnded';
  readonly fault = 'ended';
  constructor(readonly ending: Ending) {
    super(ending.title);
  }
}

/**
 * The ending that a QMP event reports; null if it reports none. Events as in QEMU 7.2, qapi/run-state.json.
 */
export function endingOf(event: string, data: unknown): Ending | null {
  const field = typeof data === 'object' && data !== null ? (data as Record<string, unknown>)['reason'] : null;
  const reason = typeof field === 'string' ? field : '';
  switch (event) {
    case 'GUEST_PANICKED':
      return { kind: 'panic', title: 'the machine reported a panic (pvpanic)', implies: 'panic' };
    case 'RESET':
      return { kind: 'reset', title: `the machine reset (${reason || 'no reason given'})`, implies: 'reboot' };
    case 'SHUTDOWN':
      if (reason === 'guest-panic')
        return { kind: 'panic', title: 'the machine reported a panic (pvpanic)', implies: 'panic' };
      if (reason.endsWith('reset')) return { kind: 'reset', title: `the machine reset (${reason})`, implies: 'reboot' };
      return reason === 'host-qmp-quit'
        ? null
        : { kind: 'shutdown', title: `the machine went down (${reason})`, implies: 'reboot' };
    default:
      return null;
  }
}
