// SPDX-License-Identifier: Apache-2.0
// Runs cells on this host, as many at once as it can run. Needs no server.
import PQueue from 'p-queue';
import type { Attempt } from '../model/result/matrix.js';
import { LabError } from '../util/errors.js';
import { bytesText } from '../util/bytes.js';
import type { Lock } from '../util/process/lock.js';
import { infraAttempt } from './attempt.js';
import { type Capacity, OVERHEAD } from '../host/capacity.js';
import { MemoryGate } from '../host/memory-gate.js';
import type { CellQueue, CellTask, OnNews, RunCell } from './queue.js';

export interface LocalQueueOptions {
  runCell: RunCell;
  /** Ends what `runCell` keeps between two runs. */
  end?: () => Promise<void>;
  capacity: Capacity;
  /** The slot of a machine. All labs of a host share the slots, so that together they do not overload it. */
  acquireSlot: (signal: AbortSignal) => Promise<Lock>;
  worker: string;
  onNews: OnNews;
  signal: AbortSignal;
}

export class LocalQueue implements CellQueue {
  private readonly queue: PQueue;
  private readonly gate: MemoryGate;
  private readonly closing = new AbortController();
  private readonly signal: AbortSignal;
  private closed: Promise<void> | null = null;

  constructor(private readonly options: LocalQueueOptions) {
    this.queue = new PQueue({ concurrency: options.capacity.jobs });
    this.gate = new MemoryGate(options.capacity.memory);
    this.signal = AbortSignal.any([options.signal, this.closing.signal]);
  }

  async submit(task: CellTask): Promise<Attempt> {
    return this.queue.add(() => this.run(task));
  }

  /** Every caller waits for the same end. */
  close(): Promise<void> {
    return (this.closed ??= this.closeOnce());
  }

  private async closeOnce(): Promise<void> {
    this.closing.abort(new LabError('the queue is closed'));
    await this.queue.onIdle();
    await this.options.end?.();
  }

  private async run(task: CellTask): Promise<Attempt> {
    this.signal.throwIfAborted();
    const { runCell, worker, onNews, acquireSlot } = this.options;
    const needs = task.memory + OVERHEAD;
    if (this.gate.excludes(needs))
      return infraAttempt(
        task,
        worker,
        `needs ${bytesText(needs)} of memory; machines may have ${bytesText(this.gate.total)} here`,
      );
    const leave = await this.gate.enter(needs, this.signal);
    try {
      const slot = await acquireSlot(this.signal);
      try {
        onNews(task.cell.id, { kind: 'running', worker });
        return await runCell(task, this.signal, (text) => onNews(task.cell.id, { kind: 'detail', text }));
      } finally {
        slot.release();
      }
    } finally {
      leave();
    }
  }
}
