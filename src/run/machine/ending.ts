// SPDX-License-Identifier: Apache-2.0
// The machine came to an end that nobody asked for. The first cause is kept; later ones only become incidents.
import type { Outcome } from '../../model/result/outcome.js';

/** Whether the machine can still be asked. After its end nothing is concluded from what is missing. */
export type MachineLife = 'runs' | 'ended';

export interface Ending {
  kind: 'panic' | 'reset' | 'shutdown' | 'cold-boot' | 'qemu-gone';
  title: string;
  implies: Outcome;
}

/** Thrown out of every wait as soon as the machine has ended. */
export class MachineEnded extends Error {
  override name = 'MachineEnded';
  readonly fault = 'ended';
  constructor(readonly ending: Ending) {
    super(ending.title);
  }
}

/**
 * What a QMP event says about the machine's life; null where it says nothing about an end. QEMU 7.2:
 * qapi/run-state.json.
 */
export function endingOf(event: string, data: unknown): Ending | null {
  const given = typeof data === 'object' && data !== null ? (data as Record<string, unknown>)['reason'] : null;
  const reason = typeof given === 'string' ? given : '';
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
