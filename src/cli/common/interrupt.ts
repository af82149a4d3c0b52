// SPDX-License-Identifier: Apache-2.0
// The first Ctrl-C (or SIGTERM, SIGHUP) ends a run in order: before the lab exits, the machine is gone and no file is
// half-written. The second one ends the lab at once: QEMU dies with its parent (qemu/process.ts), and the reaper, which
// outlives the lab, removes the files that are left (util/process/reaper.ts).
import type { ImageContext } from '../../images/index.js';

export class UserInterrupt extends Error {
  override name = 'UserInterrupt';
  constructor(readonly signalName: NodeJS.Signals) {
    super(`interrupted by ${signalName}`);
  }
}

/** 128 plus the number of the signal, as in a shell. */
export const INTERRUPT_STATUS: Readonly<Partial<Record<NodeJS.Signals, number>>> = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
};

/**
 * Runs `body` with an AbortSignal that SIGINT, SIGTERM and SIGHUP abort. A second signal exits. After an abort the
 * error is always the UserInterrupt, whatever `body` throws.
 */
export async function interruptible<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const names = Object.keys(INTERRUPT_STATUS) as NodeJS.Signals[];
  const stop = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      process.stderr.write(`lab: ${name} again: ended at once\n`);
      process.exit(INTERRUPT_STATUS[name] ?? 1);
    }
    controller.abort(new UserInterrupt(name));
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

/** The same for commands that need images and show no progress. */
export function withContext<T>(body: (context: ImageContext) => Promise<T>): Promise<T> {
  return interruptible((signal) => body({ signal, onProgress: () => undefined }));
}
