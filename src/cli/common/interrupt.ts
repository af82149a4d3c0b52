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
 * An older Node started this one and passes its signals on (bin/lab.js), so one signal to the process group comes
 * twice. Milliseconds in which a second signal is taken for the first one.
 */
const ECHO_MS = process.env['LAB_STARTED_AGAIN'] === undefined ? 0 : 500;
// It is about this process alone.
delete process.env['LAB_STARTED_AGAIN'];

/**
 * Runs `body` with an AbortSignal that SIGINT, SIGTERM and SIGHUP abort. A second signal exits. After an abort the
 * error is always the UserInterrupt, whatever `body` throws.
 */
export async function interruptible<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const names = Object.keys(INTERRUPT_STATUS) as NodeJS.Signals[];
  let first = 0;
  const stop = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      if (performance.now() - first < ECHO_MS) return;
      process.stderr.write(`lab: ${name} again: ended at once\n`);
      process.exit(INTERRUPT_STATUS[name] ?? 1);
    }
    first = performance.now();
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
