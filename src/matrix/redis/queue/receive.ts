// SPDX-License-Identifier: Apache-2.0
// Makes an attempt of a worker's answer. The run is fetched, and the verdict comes from its folder.
import type { Redis } from 'ioredis';
import type { Attempt } from '../../../model/result/matrix.js';
import { unpackRun } from '../../../store/run/archive.js';
import { isDiskFull, LabError, messageOf } from '../../../util/errors.js';
import { attemptOf, infraAttempt } from '../../attempt.js';
import type { CellTask } from '../../queue.js';
import type { Answer } from '../answers.js';
import { getBlob } from '../blobs.js';

export type Received = Exclude<Answer, { kind: 'refused' }>;

export interface ReceiveOptions {
  redis: Redis;
  results: string;
  matrix: string;
}

/** Throws a LabError if the disk is full. A run that cannot be used is an attempt without a verdict. */
export async function receive(task: CellTask, answer: Received, options: ReceiveOptions): Promise<Attempt> {
  if (answer.kind === 'failed') return infraAttempt(task, 'unknown', answer.why);
  try {
    return await fetchRun(task, answer, options);
  } catch (error) {
    if (!(error instanceof LabError) || isDiskFull(error.cause)) throw error;
    return infraAttempt(task, answer.attempt.worker, messageOf(error), answer.attempt.ms);
  }
}

async function fetchRun(
  task: CellTask,
  { attempt, archive, sender }: Extract<Answer, { kind: 'result' }>,
  { redis, results, matrix }: ReceiveOptions,
): Promise<Attempt> {
  const { cell } = task;
  if (archive === null || attempt.run === null) return attempt;
  const { worker, ms } = attempt;
  const asked = {
    cell: { matrix, cell: cell.id, attempt: task.attempt },
    text: task.text,
    kernels: cell.kernels,
    worker,
    sender,
  };
  const { path, result } = await unpackRun(results, attempt.run, asked, getBlob(redis, archive));
  return attemptOf({ cell: cell.id, attempt: task.attempt, worker }, result, path, ms);
}
