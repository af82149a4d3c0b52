// SPDX-License-Identifier: Apache-2.0
// Drives a matrix: submits the cells that have no outcome yet, retries those at which the lab failed, and stores each
// attempt before it reports it.
import type { Attempt, Cell } from '../model/result/matrix.js';
import type { MatrixFolder } from '../store/matrix/folder.js';
import { lastAttempts } from '../store/matrix/pair-results.js';
import { afterColdRun } from './cold-sample.js';
import type { CellQueue, CellTask } from './queue.js';

export interface EngineOptions {
  cells: readonly Cell[];
  /** Attempts of an earlier start, to continue from. */
  attempts: readonly Attempt[];
  taskOf: (cell: Cell, attempt: number) => CellTask;
  queue: CellQueue;
  folder: Pick<MatrixFolder, 'append'>;
  /** How often a cell is retried after the outcome `infra`. */
  retries: number;
  /** Whether a cell that ran from a snapshot also runs cold. */
  coldToo: (cell: Cell, warm: Attempt) => boolean;
  /** `check`: the cell has ended before, and also ran cold. */
  onAttempt: (cell: Cell, attempt: Attempt, next: 'done' | 'retry' | 'check') => void;
  /** Called once if the matrix cannot continue, so that nobody waits for the other cells. */
  onFailure: (error: Error) => void;
}

/** The cells without a verdict. `infra` is no verdict. */
export function unfinished(cells: readonly Cell[], attempts: readonly Attempt[]): Cell[] {
  const last = lastAttempts(attempts);
  return cells.filter(({ id }) => (last.get(id)?.outcome ?? 'infra') === 'infra');
}

/**
 * Resolves once every cell has its outcome. Rejects, after all cells have settled, with the first error of queue or
 * disk.
 */
export async function driveMatrix(options: EngineOptions): Promise<void> {
  const { cells, attempts, taskOf, queue, folder, retries, coldToo, onAttempt, onFailure } = options;
  const last = lastAttempts(attempts);
  const failures: unknown[] = [];
  // Both attempts are kept. If they differ, one of them is wrong, and the lab does not choose.
  const again = async (cell: Cell, warm: Attempt) => {
    const cold = await queue.submit({ ...taskOf(cell, warm.attempt + 1), start: 'cold' });
    for (const attempt of afterColdRun(warm, cold)) {
      folder.append(attempt);
      onAttempt(cell, attempt, 'check');
    }
  };
  await Promise.all(
    unfinished(cells, attempts).map(async (cell) => {
      const before = last.get(cell.id)?.attempt ?? 0;
      try {
        for (let n = 1; failures.length === 0; n++) {
          const attempt = await queue.submit(taskOf(cell, before + n));
          folder.append(attempt);
          const next = attempt.outcome === 'infra' && n <= retries ? 'retry' : 'done';
          onAttempt(cell, attempt, next);
          if (next === 'done' && attempt.rung !== null && coldToo(cell, attempt)) await again(cell, attempt);
          if (next === 'done') return;
        }
      } catch (error) {
        failures.push(error);
        if (failures.length === 1) onFailure(error as Error);
      }
    }),
  );
  if (failures.length > 0) throw failures[0];
}
