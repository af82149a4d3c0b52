// SPDX-License-Identifier: Apache-2.0
// Turns the result of a run into the attempt that a matrix keeps.
import { basename } from 'node:path';
import type { Attempt, CellOfRun } from '../model/result/matrix.js';
import type { Result } from '../model/result/result.js';
import { rungOf } from '../model/result/snapshot.js';
import { missedWitnesses } from '../model/result/witness.js';
import type { CellTask } from './queue.js';

/** Characters of a title that are kept. */
const MAX_TITLE = 500;

/**
 * @param folder path of the run's folder
 * @param ms how long the cell took, including the work before and after the machine
 */
export function attemptOf(
  { cell, attempt, worker }: Pick<CellOfRun, 'cell' | 'attempt' | 'worker'>,
  result: Result,
  folder: string,
  ms: number,
): Attempt {
  return {
    cell,
    attempt,
    run: basename(folder),
    outcome: result.outcome,
    endsIn: result.endsIn,
    asExpected: result.asExpected,
    without: missedWitnesses(result),
    rung: rungOf(result),
    title: result.cause?.title.slice(0, MAX_TITLE) ?? null,
    ms: Math.round(ms),
    startedAt: result.startedAt,
    worker,
  };
}

/** The attempt at a cell that the lab could not run. */
export function infraAttempt(
  { cell, attempt }: Pick<CellTask, 'cell' | 'attempt'>,
  worker: string,
  why: string,
  ms = 0,
): Attempt {
  return {
    cell: cell.id,
    attempt,
    run: null,
    outcome: 'infra',
    endsIn: 'none',
    asExpected: false,
    without: [],
    rung: null,
    title: why.slice(0, MAX_TITLE),
    ms: Math.round(ms),
    startedAt: new Date().toISOString(),
    worker,
  };
}
