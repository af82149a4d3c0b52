// SPDX-License-Identifier: Apache-2.0
// Reads what became of a job in Redis. Only a worker's answer to this very job counts.
import { createHash } from 'node:crypto';
import type { Attempt } from '../../model/result/matrix.js';
import { parseJson } from '../../util/json.js';
import { printable } from '../../util/text/escape.js';
import type { CellTask } from '../queue.js';
import type { BlobRef } from './blobs.js';
import { answers, type Head } from './seal/envelope.js';
import type { QueueKey } from './seal/key.js';
import { jobBody, resultBody } from './messages.js';
import { jobId } from './names.js';

/** A worker's reason for a job that it did not start begins with this. */
export const REFUSED = 'refused: ';

/** Characters of a title and of a worker's name. */
const MAX_TITLE = 500;

/** A job that waits for its answer. */
export interface OpenJob {
  head: Head;
  /** Of its body. */
  sha256: string;
}

export type Answer =
  | { kind: 'result'; attempt: Attempt; archive: BlobRef | null; sender: 'signed' | 'unsigned' }
  /** The worker failed. Nobody signs that, and it is no verdict. */
  | { kind: 'failed'; why: string }
  /** It is no answer: the cell stays open. */
  | { kind: 'refused'; why: string };

export interface Finished {
  returnvalue?: unknown;
  failedReason?: unknown;
}

export function readAnswer({ returnvalue, failedReason }: Finished, job: OpenJob, key: QueueKey): Answer {
  if (returnvalue == null) {
    const why = typeof failedReason === 'string' ? printable(failedReason, 400) : '';
    if (why.startsWith(REFUSED))
      return { kind: 'refused', why: `a worker did not take it: ${why.slice(REFUSED.length)}` };
    return { kind: 'failed', why: why === '' ? 'the worker gave no result' : `the worker failed: ${why}` };
  }
  const opened = key.open(returnvalue, { direction: 'result', queue: job.head.queue });
  if (opened.kind === 'refused') return opened;
  if (!answers(opened.head, job.head)) return { kind: 'refused', why: 'it answers another job, or an earlier one' };
  const body = parseJson(opened.body, resultBody);
  if (body === null) return { kind: 'refused', why: 'it is no result' };
  if (body.job !== job.sha256) return { kind: 'refused', why: 'it answers a job with another text' };
  const { archive } = body;
  const title = body.attempt.title === null ? null : printable(body.attempt.title, MAX_TITLE);
  const attempt = { ...body.attempt, title, worker: printable(body.attempt.worker, MAX_TITLE) };
  if (attempt.cell !== job.head.cell || attempt.attempt !== job.head.attempt)
    return { kind: 'refused', why: 'it is the result of another cell' };
  const whole = attempt.run !== null && archive !== null;
  if (!whole && (attempt.outcome !== 'infra' || attempt.run !== null || archive !== null))
    return { kind: 'failed', why: `the worker said ${attempt.outcome} without a run to show for it` };
  return { kind: 'result', attempt, archive, sender: opened.kind };
}

/** Reads a job that is in Redis already: put there by an earlier process of this matrix, or by somebody else. */
export function readOwnJob(
  data: unknown,
  task: JobTask,
  { key, queue }: { key: QueueKey; queue: string },
): OpenJob | { kind: 'refused'; why: string } {
  const opened = key.open(data, { direction: 'job', queue });
  if (opened.kind === 'refused') return opened;
  const body = parseJson(opened.body, jobBody);
  const head = opened.head;
  const isSame =
    body !== null &&
    JSON.stringify(body.task) === JSON.stringify(task) &&
    jobId(task) === `${head.matrix}/${head.cell}/${head.attempt}`;
  return isSame ? { head, sha256: sha256Of(opened.body) } : { kind: 'refused', why: 'it is another task' };
}

/** A task as it goes through Redis. */
export type JobTask = Omit<CellTask, 'origin'>;

export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
