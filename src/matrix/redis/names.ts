// SPDX-License-Identifier: Apache-2.0
// Names in Redis. Each lab identity has its own queue, so that a worker never gets a cell of another lab's matrix.
import type { CellTask } from '../queue.js';
import { PREFIX } from './connection.js';
import type { QueueKey } from './seal/key.js';

/** Seconds to keep results that nobody fetches, and finished jobs of a matrix that never continues. */
export const KEPT_SECONDS = 7 * 86_400;

/** Who may work together: the same lab with the same secret. */
export function teamOf(identity: string, key: QueueKey): string {
  return key.mark === null ? identity : `${identity}-${key.mark}`;
}

export const queueName = (team: string) => `cells-${team}`;
export const jobId = ({ matrix, cell, attempt }: Pick<CellTask, 'matrix' | 'cell' | 'attempt'>) =>
  `${matrix}/${cell.id}/${attempt}`;
export const resultKey = (job: string, worker: string) => `${PREFIX}:result:${job}:${worker}`;
export const imageKey = (team: string, key: string) => `${PREFIX}:image:${team}:${key}`;
/** Holds the team of the lab that runs the matrix; expires unless it is renewed. */
export const matrixKey = (id: string) => `${PREFIX}:matrix:${id}`;
/** Holds the team of the worker's lab; expires unless it is renewed. */
export const workerKey = (worker: string) => `${PREFIX}:worker:${worker}`;
