// SPDX-License-Identifier: Apache-2.0
// Looks that take time are taken while the machine is held still, where guests wait in it: its clocks stand still too,
// so that what the lab does to prove something is no part of what it measures.
import type { RunContext } from '../engine/context.js';

export async function whileStill<T>(
  context: Pick<RunContext, 'machine' | 'recorder' | 'state'>,
  work: () => T | Promise<T>,
): Promise<T> {
  const { machine, recorder, state } = context;
  if (state.guests.size === 0 || !(await isRunning(context))) return work();
  await machine.command('stop');
  const began = recorder.clock.now();
  try {
    return await work();
  } finally {
    const ms = recorder.clock.now() - began;
    // A machine that has ended meanwhile goes on no more; whoever waits for it is told.
    await machine.command('cont').catch(() => undefined);
    state.stillMs += ms;
    recorder.event({ kind: 'still', ms });
  }
}

/** False where somebody else holds it, a fault for example, or it is gone. */
async function isRunning({ machine }: Pick<RunContext, 'machine'>): Promise<boolean> {
  const status = await machine.command('query-status').catch(() => null);
  return (status as { running?: unknown } | null)?.running === true;
}
