// SPDX-License-Identifier: Apache-2.0
// Ends the process if one input takes for ever: the parser runs in the main thread, so only another one can notice.
import { isMainThread, Worker, workerData } from 'node:worker_threads';

/** Seconds without another input after which a parser counts as stuck; a busy host is slow, too. */
const MAX_STUCK = 60;
export const EXIT_STUCK = 9;

interface Shared {
  /** The number of the input. */
  counter: SharedArrayBuffer;
}

if (!isMainThread) {
  const counter = new Int32Array((workerData as Shared).counter);
  let last = -1;
  let since = performance.now();
  setInterval(() => {
    const now = Atomics.load(counter, 0);
    if (now !== last) since = performance.now();
    last = now;
    if (performance.now() - since < MAX_STUCK * 1000) return;
    process.stderr.write(`input ${now} takes more than ${MAX_STUCK} s: the parser is stuck\n`);
    process.exit(EXIT_STUCK);
  }, 1000);
}

export class Watchdog {
  private readonly counter = new Int32Array(new SharedArrayBuffer(4));

  constructor() {
    const data: Shared = { counter: this.counter.buffer };
    const worker = new Worker(new URL(import.meta.url), { workerData: data, execArgv: ['--import', 'tsx'] });
    worker.unref();
    worker.on('exit', (code) => {
      if (code === EXIT_STUCK) process.exit(EXIT_STUCK);
    });
  }

  saw(input: number): void {
    Atomics.store(this.counter, 0, input);
  }
}
