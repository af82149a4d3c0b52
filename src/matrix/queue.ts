// SPDX-License-Identifier: Apache-2.0
// What a matrix asks of whatever runs its cells, here or on other hosts.
import type { Attempt, Cell } from '../model/result/matrix.js';

/** One attempt at a cell, with all that who runs it must know: it may lie on another host. */
export interface CellTask {
  matrix: string;
  cell: Cell;
  /** From 1. */
  attempt: number;
  /** Text of the scenario. */
  text: string;
  /** What each epoch's kernel command line gets: the scenario's own words and those of the profile. */
  cmdlines: string[];
  /** Version of the state that the profile pins every guest to; null: none. */
  guestState: number | null;
  /** Deadline of the run in seconds; null: the scenario's. */
  timeout: number | null;
  /** Bytes of memory of the machine. */
  memory: number;
}

/** How a cell is getting on, for who watches. */
export type CellNews =
  | { kind: 'running'; worker: string }
  | { kind: 'detail'; text: string }
  /** Back in the queue: its worker is gone. */
  | { kind: 'waiting'; why: string };

export type OnNews = (cell: string, news: CellNews) => void;

/**
 * Runs one cell to its end, its run's folder in results/. An error of the lab or the host is the outcome `infra`;
 * rejects where it is aborted or the disk is full.
 */
export type RunCell = (task: CellTask, signal: AbortSignal, detail: (text: string) => void) => Promise<Attempt>;

/**
 * The contract, the same for both kinds (test/matrix/queue.test.ts): every task that is submitted is run; its promise
 * settles once, with one attempt, and the run that this attempt names is whole and in results/; a worker that dies
 * costs time, never a cell.
 */
export interface CellQueue {
  /** Rejects where the queue is closed or its signal is aborted before the cell has ended. */
  submit(task: CellTask): Promise<Attempt>;
  /** Ends in order; what is still queued is not run by this queue's own hands. Safe to call twice. */
  close(): Promise<void>;
}
