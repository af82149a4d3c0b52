// SPDX-License-Identifier: Apache-2.0
// The interface between a matrix and the queue that runs its cells, on this host or on others.
import type { Attempt, Cell } from '../model/result/matrix.js';

/** How the run of a cell starts; `warm`: from the last rung that fits (perform/start.ts). */
export const STARTS = ['warm', 'booted', 'cold'] as const;

/** One attempt at a cell, with everything that a worker on another host needs to run it. */
export interface CellTask {
  matrix: string;
  cell: Cell;
  /** From 1. */
  attempt: number;
  /** The YAML of the scenario. */
  text: string;
  /** Words for the kernel command line of each epoch: those of the scenario and of the profile. */
  cmdlines: string[];
  /** Version of the guest state that the profile pins; null if it pins none. */
  guestState: number | null;
  /** Time limit of the run in seconds; null for that of the scenario. */
  timeout: number | null;
  /** Bytes of memory of the machine. */
  memory: number;
  /** `booted`: it saves its machine after the boot at the latest. `cold`: it boots, even if there is a snapshot. */
  start: (typeof STARTS)[number];
  /** Whether the run keeps which code ran. */
  coverage: boolean;
  origin: TaskOrigin;
}

/**
 * Who made a task. `here`: this process, which has checked its plan and scenarios. `signed`: a queue that proved that
 * it holds the same secret. `unsigned`: anybody.
 */
export type TaskOrigin = 'here' | 'signed' | 'unsigned';

/** Progress of a cell, to show. */
export type CellNews =
  | { kind: 'running'; worker: string }
  | { kind: 'detail'; text: string }
  /** Its worker is gone, so the cell is back in the queue. */
  | { kind: 'waiting'; why: string };

export type OnNews = (cell: string, news: CellNews) => void;

/**
 * Runs one cell to its end, with the folder of its run in results/. An error of the lab or the host gives the outcome
 * `infra`. Rejects after an abort, or if the disk is full.
 */
export type RunCell = (task: CellTask, signal: AbortSignal, detail: (text: string) => void) => Promise<Attempt>;

/**
 * The contract is the same for both kinds of queue (test/matrix/queue.test.ts). Every submitted task runs. Its promise
 * settles once, with one attempt, and the run of this attempt is complete in results/. If a worker dies, that costs
 * time, but never a cell.
 */
export interface CellQueue {
  /** Rejects if the queue is closed, or its signal aborts, before the cell has ended. */
  submit(task: CellTask): Promise<Attempt>;
  /** Ends in order. Cells that are still queued do not run in this queue. Safe to call twice. */
  close(): Promise<void>;
}
