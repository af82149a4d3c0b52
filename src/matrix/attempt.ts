// SPDX-License-Identifier: Apache-2.0
// From what a run came to, to the line that a matrix keeps of it.
import { basename } from 'node:path';
import type { Attempt, CellOfRun } from '../model/result/matrix.js';
import type { Result } from '../model/result/result.js';
import { missedWitnesses } from '../model/result/witness.js';
import type { CellTask } from './queue.js';

/** Longest title that is kept. */
const MAX_TITLE = 500;

/**
 * @param folder path of the run's folder
 * @param ms how long it took, with what came before and after the machine
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
    title: result.cause?.title.slice(0, MAX_TITLE) ?? null,
    ms: Math.round(ms),
    startedAt: result.startedAt,
    worker,
  };
}

/** The lab could not run it. */
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
    title: why.slice(0, MAX_TITLE),
    ms: Math.round(ms),
    startedAt: new Date().toISOString(),
    worker,
  };
}
