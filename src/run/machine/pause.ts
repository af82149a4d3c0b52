// SPDX-License-Identifier: Apache-2.0
// Pauses the machine during inspections that take time, if it has guests. Its clocks stop too, so the lab's checks do
// not add to the downtime that the lab measures.
import type { Recorder } from '../engine/recorder.js';
import type { Machine } from './machine.js';

export interface PauseCount {
  readonly guests: { readonly size: number };
  /** Total in milliseconds. */
  pausedMs: number;
}

type Pausable = Pick<Machine, 'command'>;

export async function whilePaused<T>(
  machine: Pausable,
  recorder: Recorder,
  state: PauseCount,
  work: () => T | Promise<T>,
): Promise<T> {
  if (state.guests.size === 0 || !(await isRunning(machine))) return work();
  await machine.command('stop');
  const began = recorder.clock.now();
  try {
    return await work();
  } finally {
    const ms = recorder.clock.now() - began;
    // This fails if the machine has ended meanwhile; every wait for the machine reports that.
    await machine.command('cont').catch(() => undefined);
    state.pausedMs += ms;
    recorder.event({ kind: 'still', ms });
  }
}

/** False if something else has paused the machine (a fault, for example), or it is gone. */
async function isRunning(machine: Pausable): Promise<boolean> {
  const status = await machine.command('query-status').catch(() => null);
  return (status as { running?: unknown } | null)?.running === true;
}
