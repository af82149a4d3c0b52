// SPDX-License-Identifier: Apache-2.0
// Pauses the machine for inspections that take time, where guests wait in it. Its clocks stand still too, so that the
// lab's checks do not add to the downtime that it measures.
import type { Recorder } from '../engine/recorder.js';
import type { Machine } from './machine.js';

export interface PauseCount {
  readonly guests: { readonly size: number };
  /** Milliseconds in all. */
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
    // A machine that has ended meanwhile does not go on; whoever waits for it learns that from its end.
    await machine.command('cont').catch(() => undefined);
    state.pausedMs += ms;
    recorder.event({ kind: 'still', ms });
  }
}

/** False where somebody else has paused it (a fault, for example), or it is gone. */
async function isRunning(machine: Pausable): Promise<boolean> {
  const status = await machine.command('query-status').catch(() => null);
  return (status as { running?: unknown } | null)?.running === true;
}
