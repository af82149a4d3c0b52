// SPDX-License-Identifier: Apache-2.0
// Runs the cells of a matrix that have no outcome yet, for every command that has one.
import { coldSample } from '../../matrix/cold-sample.js';
import { driveMatrix, unfinished } from '../../matrix/engine.js';
import type { PlannedPair } from '../../matrix/expand.js';
import { taskMaker } from '../../matrix/plan-run.js';
import type { QueueKey } from '../../matrix/redis/seal/key.js';
import { orphans } from '../../matrix/runner.js';
import { allCold, startsOf } from '../../matrix/saved-shapes.js';
import type { TrustOption } from '../../host/trust.js';
import type { Attempt, Cell, Matrix } from '../../model/result/matrix.js';
import type { Plan } from '../../model/scenario/plan.js';
import type { Profile } from '../../model/scenario/profile.js';
import { matrixView } from '../../report/live/matrix.js';
import { snapshotSettings } from '../../snapshot/index.js';
import { type MatrixFolder, readAttempts } from '../../store/matrix/folder.js';
import { LabError } from '../../util/errors.js';
import { tryLock } from '../../util/process/lock.js';
import { onInterruptKept, sameCommand } from '../common/interrupt.js';
import { type Accel, accelFor } from '../common/option-values.js';
import { openQueue } from './queue.js';

export interface CellOptions extends TrustOption {
  jobs?: number;
  queue?: string;
  coverage?: boolean;
  accel: Accel;
  results: string;
}

export interface RunningMatrix {
  /** Of the queue in Redis. */
  key: QueueKey;
  matrix: Matrix;
  plan: Plan;
  profile: Profile | null;
  pairs: readonly PlannedPair[];
  folder: MatrixFolder;
  leftOut: readonly { why: string; count: number }[];
  /** Cells to run now; all of them by default. The matrix has ended only when all have. */
  only?: readonly Cell[];
  options: CellOptions;
  signal: AbortSignal;
}

/** Runs the cells that have no outcome yet. Returns all attempts of the matrix, old and new. */
export async function runCells(running: RunningMatrix): Promise<Attempt[]> {
  const { matrix, plan, profile, pairs, folder, leftOut, options } = running;
  const lock = await tryLock(folder.lockFile, running.signal);
  if (lock === null)
    throw new LabError(`another lab runs ${matrix.id}`, {
      hint: 'wait until it has ended, or leave out --resume to start a new one',
    });
  const failure = new AbortController();
  const signal = AbortSignal.any([running.signal, failure.signal]);
  const { attempts, damaged } = readAttempts(folder.path);
  for (const attempt of orphans(options.results, matrix, attempts)) {
    folder.append(attempt);
    attempts.push(attempt);
  }
  const cells = running.only ?? matrix.cells;
  const open = unfinished(cells, attempts);
  const view = matrixView({ total: cells.length, done: cells.length - open.length, stream: process.stderr });
  const forget = onInterruptKept(() => {
    const left = unfinished(matrix.cells, attempts).length;
    return [
      `${matrix.cells.length - left} of ${matrix.cells.length} cells, in ${folder.path}; ` +
        `to go on: ${sameCommand('--resume')}`,
    ];
  });
  const coverage = options.coverage === true;
  const starts = coverage ? allCold(pairs) : startsOf(pairs, snapshotSettings().maxBytes);
  const queue = await openQueue(running.matrix, { ...running, ...options, accel: accelFor(options), signal }, view);
  try {
    const isNew = open.length === cells.length;
    view.note(`${matrix.id}: ${isNew ? `${open.length} cells` : `${open.length} of ${cells.length} cells left`}`);
    for (const { why, count } of leftOut) view.note(`left out: ${count} (${why})`);
    if (damaged > 0) view.note(`skipped ${damaged} damaged lines of cells.jsonl`);
    await driveMatrix({
      cells,
      attempts,
      taskOf: taskMaker(matrix, plan, profile, pairs, { starts, coverage }),
      queue,
      folder,
      retries: plan.retries,
      coldToo: coldSample(matrix, plan.cold),
      onAttempt: (cell, attempt, next) => {
        attempts.push(attempt);
        view.finished(cell, attempt, next);
      },
      onFailure: (error) => failure.abort(error),
    });
    const ended = cells.length === matrix.cells.length;
    if (ended && (open.length > 0 || matrix.endedAt === null))
      folder.write({ ...matrix, endedAt: new Date().toISOString() });
    return attempts;
  } finally {
    await queue.close();
    view.end();
    lock.release();
    // The next part of the same matrix says it again.
    if (running.only !== undefined && !signal.aborted) forget();
  }
}
