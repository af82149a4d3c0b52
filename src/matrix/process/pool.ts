// SPDX-License-Identifier: Apache-2.0
// Runs each cell in a process of its own kind: with many machines no run waits for the work of another, and a process
// that dies takes one cell along. A process takes one run after another, because Node needs a moment to start.
import { infraAttempt } from '../attempt.js';
import type { CellTask, RunCell } from '../queue.js';
import type { Attempt } from '../../model/result/matrix.js';
import { CellProcess, ProcessGone } from './cell-process.js';
import type { SetUp } from './protocol.js';

export interface PoolOptions extends Omit<SetUp, 'kind'> {
  /** Starts a process that serves cells. */
  argv: readonly string[];
  /** A process ended in the middle of a run: the end of what it wrote to standard error. */
  onCrash: (task: CellTask, log: string) => void;
}

/** A process is replaced after this many runs. */
const MAX_RUNS = 200;

export class CellPool {
  private readonly idle: CellProcess[] = [];
  private readonly all = new Set<CellProcess>();
  private readonly runs = new WeakMap<CellProcess, number>();
  private closing: Promise<void> | null = null;

  constructor(private readonly options: PoolOptions) {}

  readonly run: RunCell = async (task, signal, detail): Promise<Attempt> => {
    signal.throwIfAborted();
    if (this.closing !== null) throw new Error('the pool is closed');
    const began = performance.now();
    const process = this.take();
    try {
      const attempt = await process.run(task, signal, detail);
      this.giveBack(process);
      return attempt;
    } catch (error) {
      await process.stop();
      this.all.delete(process);
      if (!(error instanceof ProcessGone)) throw error;
      this.options.onCrash(task, error.log);
      return infraAttempt(task, this.options.worker, error.message, performance.now() - began);
    }
  };

  /** Ends all processes. Every caller waits for the same end. */
  close(): Promise<void> {
    return (this.closing ??= Promise.all([...this.all].map((process) => process.stop())).then(() => undefined));
  }

  private take(): CellProcess {
    for (let process = this.idle.pop(); process !== undefined; process = this.idle.pop()) {
      if (!process.over) return process;
      this.all.delete(process);
    }
    const { argv, accel, results, worker, trust } = this.options;
    const process = new CellProcess(argv, { kind: 'set-up', accel, results, worker, trust });
    this.all.add(process);
    return process;
  }

  private giveBack(process: CellProcess): void {
    const runs = (this.runs.get(process) ?? 0) + 1;
    this.runs.set(process, runs);
    if (runs < MAX_RUNS && this.closing === null) this.idle.push(process);
    else void process.stop().then(() => this.all.delete(process));
  }
}
