// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and its kin end a run in order: the machine is gone and nothing half-written stays before the lab exits. A
// second one ends it at once: QEMU dies with its parent (qemu/process.ts), and what is left of files is removed by who
// outlives the lab (util/process/reaper.ts).
import type { ImageContext } from '../images/index.js';

export class Interrupted extends Error {
  override name = 'Interrupted';
  constructor(readonly signalName: NodeJS.Signals) {
    super(`interrupted by ${signalName}`);
  }
}

/** 128 and the signal's number, as a shell has it. */
export const INTERRUPT_STATUS: Readonly<Partial<Record<NodeJS.Signals, number>>> = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
};

/**
 * Runs a body under a signal that SIGINT, SIGTERM and SIGHUP abort; a second one exits. Whatever the body then fails
 * with, it was interrupted.
 */
export async function interruptible<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const names = Object.keys(INTERRUPT_STATUS) as NodeJS.Signals[];
  const stop = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      process.stderr.write(`lab: ${name} again: ended at once\n`);
      process.exit(INTERRUPT_STATUS[name] ?? 1);
    }
    controller.abort(new Interrupted(name));
  };
  for (const name of names) process.on(name, stop);
  try {
    return await body(controller.signal);
  } catch (error) {
    controller.signal.throwIfAborted();
    throw error;
  } finally {
    for (const name of names) process.off(name, stop);
  }
}

/** The same for what asks for images and says nothing while it does. */
export function withContext<T>(body: (context: ImageContext) => Promise<T>): Promise<T> {
  return interruptible((signal) => body({ signal, onProgress: () => undefined }));
}
