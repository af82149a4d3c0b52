// SPDX-License-Identifier: Apache-2.0
// Cells that wait for an answer.
import type { Attempt } from '../../../model/result/matrix.js';
import { deferred, type Deferred } from '../../../util/deadline.js';
import { infraAttempt } from '../../attempt.js';
import type { CellTask } from '../../queue.js';
import type { OpenJob } from '../answers.js';

/** After this many invalid answers a cell gets the outcome `infra`. */
const MAX_REFUSED = 3;

export interface OpenCell {
  /** Of its job in Redis. */
  readonly id: string;
  readonly task: CellTask;
  readonly done: Deferred<Attempt>;
  /** The job that is to be answered; null until Redis has it. */
  job: OpenJob | null;
  /** How often something else than an answer came. */
  refused: number;
  /** Nonces of jobs whose answer was refused. */
  readonly spent: Set<string>;
  isPutting: boolean;
}

export class OpenCells {
  private readonly cells = new Map<string, OpenCell>();

  add(id: string, task: CellTask): OpenCell {
    const cell: OpenCell = { id, task, done: deferred(), job: null, refused: 0, spent: new Set(), isPutting: false };
    this.cells.set(id, cell);
    return cell;
  }

  get(id: string): OpenCell | undefined {
    return this.cells.get(id);
  }

  isOpen(cell: OpenCell): boolean {
    return this.cells.get(cell.id) === cell;
  }

  all(): OpenCell[] {
    return [...this.cells.values()];
  }

  resolve(cell: OpenCell, attempt: Attempt): void {
    if (this.forget(cell)) cell.done.resolve(attempt);
  }

  reject(cell: OpenCell, error: Error): void {
    if (this.forget(cell)) cell.done.reject(error);
  }

  rejectAll(error: Error): void {
    for (const cell of this.all()) this.reject(cell, error);
  }

  /** Counts something that came instead of an answer. Returns true if the cell has ended by that. */
  refuse(cell: OpenCell, why: string): boolean {
    cell.refused++;
    if (cell.refused < MAX_REFUSED) return false;
    this.resolve(cell, infraAttempt(cell.task, 'unknown', `no valid answer in ${MAX_REFUSED} tries; the last: ${why}`));
    return true;
  }

  private forget(cell: OpenCell): boolean {
    return this.isOpen(cell) && this.cells.delete(cell.id);
  }
}
