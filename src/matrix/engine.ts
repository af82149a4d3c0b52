// SPDX-License-Identifier: Apache-2.0
// Drives a matrix: gives out what has no outcome yet, tries again what the lab failed at, and keeps each attempt before
// the next word.
import type { Attempt, Cell } from '../model/result/matrix.js';
import type { MatrixFolder } from '../store/matrix/folder.js';
import { lastAttempts } from '../store/matrix/pair-results.js';
import type { CellQueue, CellTask } from './queue.js';

export interface EngineOptions {
  cells: readonly Cell[];
  /** What is known already; goes on from there. */
  attempts: readonly Attempt[];
  taskOf: (cell: Cell, attempt: number) => CellTask;
  queue: CellQueue;
  folder: Pick<MatrixFolder, 'append'>;
  /** Further attempts at a cell whose outcome is `infra`. */
  retries: number;
  onAttempt: (cell: Cell, attempt: Attempt, next: 'done' | 'retry') => void;
  /** Called once where the matrix cannot go on, so that the other cells are not waited for. */
  onFailure: (error: Error) => void;
}

/** Cells that have no verdict yet; what ended in `infra` is tried again. */
export function unfinished(cells: readonly Cell[], attempts: readonly Attempt[]): Cell[] {
  const last = lastAttempts(attempts);
  return cells.filter(({ id }) => (last.get(id)?.outcome ?? 'infra') === 'infra');
}

/**
 * Resolves once every cell has its outcome; rejects with the first error of a queue or the disk, once all have settled.
 */
export async function driveMatrix(options: EngineOptions): Promise<void> {
  const { cells, attempts, taskOf, queue, folder, retries, onAttempt, onFailure } = options;
  const last = lastAttempts(attempts);
  let failed: { error: unknown } | null = null;
  await Promise.all(
    unfinished(cells, attempts).map(async (cell) => {
      const before = last.get(cell.id)?.attempt ?? 0;
      try {
        for (let n = 1; failed === null; n++) {
          const attempt = await queue.submit(taskOf(cell, before + n));
          folder.append(attempt);
          const next = attempt.outcome === 'infra' && n <= retries ? 'retry' : 'done';
          onAttempt(cell, attempt, next);
          if (next === 'done') return;
        }
      } catch (error) {
        if (failed !== null) return;
        failed = { error };
        onFailure(error as Error);
      }
    }),
  );
  if (failed !== null) throw (failed as { error: unknown }).error;
}
