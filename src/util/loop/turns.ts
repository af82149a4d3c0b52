// SPDX-License-Identifier: Apache-2.0
// Long work in small pieces. Between two of them the event loop turns, so that Ctrl-C, the machine and other runs are
// served while the lab reads a large memory.

/** Work that pauses after each piece: a generator that yields nothing. */
export type Pieces<T> = Generator<void, T, void>;

/** The loop turns after pieces that took this many milliseconds together. */
const TURN_MS = 20;

/** Does the work without a turn of the loop. */
export function atOnce<T>(work: Pieces<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** Does the work, and lets the loop turn in between. An abort ends it with the signal's reason. */
export async function inTurns<T>(work: Pieces<T>, signal?: AbortSignal): Promise<T> {
  for (let since = performance.now(); ;) {
    signal?.throwIfAborted();
    const step = work.next();
    if (step.done === true) return step.value;
    if (performance.now() - since < TURN_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    since = performance.now();
  }
}
