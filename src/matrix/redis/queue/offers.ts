// SPDX-License-Identifier: Apache-2.0
// Puts cells into the queue in Redis, and puts those in again that Redis has forgotten or that somebody else has
// replaced.
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { messageOf } from '../../../util/errors.js';
import { infraAttempt } from '../../attempt.js';
import { readOwnJob } from '../answers.js';
import { readJob } from '../job.js';
import { jobBody, type OfferedImage } from '../messages.js';
import { KEPT_SECONDS } from '../names.js';
import type { OpenCell, OpenCells } from './open-cells.js';
import { jobHead } from '../seal/envelope.js';
import type { QueueKey } from '../seal/key.js';
import type { Refusals } from '../seal/refusals.js';

export interface OfferOptions {
  redis: Redis;
  queue: Queue;
  /** Signs what goes out. */
  key: QueueKey;
  /** Kernels that workers may fetch, by name. */
  images: ReadonlyMap<string, OfferedImage>;
  cells: OpenCells;
  refusals: Refusals;
  /** A job is in its place, and may have its answer already. */
  onPlaced: () => void;
}

export class Offers {
  /** Jobs that are in Redis. */
  private readonly queued = new Set<string>();

  constructor(private readonly options: OfferOptions) {}

  /** Puts a cell in. If an earlier process of this matrix did, its job stays, and what answers that. */
  async put(cell: OpenCell): Promise<void> {
    const { redis, cells, refusals } = this.options;
    if (cell.isPutting || !cells.isOpen(cell)) return;
    cell.isPutting = true;
    try {
      await this.place(cell);
    } catch (error) {
      // A server that is gone: the next check puts it in again. A cell that has ended meanwhile needs nothing.
      if (redis.status !== 'ready' || !cells.isOpen(cell)) return;
      refusals.add(`the job ${cell.id}`, `by Redis: ${messageOf(error)}`);
      cells.refuse(cell, messageOf(error));
    } finally {
      cell.isPutting = false;
    }
  }

  /** If Redis lost cells while it was gone, puts them in again. */
  async putMissing(): Promise<void> {
    const { redis, queue, cells } = this.options;
    for (const cell of cells.all())
      if (cell.job === null || (await redis.exists(queue.toKey(cell.id))) === 0) await this.put(cell);
  }

  /** Leaves a cell open and puts it in again, unless that has happened too often. */
  async putAgain(cell: OpenCell, why: string): Promise<void> {
    const { cells, refusals } = this.options;
    refusals.add(`an answer to ${cell.id}`, why);
    if (cell.job !== null) cell.spent.add(cell.job.head.nonce);
    cell.job = null;
    if (cells.refuse(cell, why)) return;
    await this.remove(cell.id);
    await this.put(cell);
  }

  /** Removes a job that has its answer. */
  async ended(id: string): Promise<void> {
    this.queued.delete(id);
    await this.remove(id);
  }

  /** Removes the jobs that no worker has started. Workers finish the others, and the results are kept for --resume. */
  async takeBack(): Promise<void> {
    for (const id of this.queued) await this.remove(id);
  }

  private async place(cell: OpenCell): Promise<void> {
    const { redis, queue, key, images: offered, cells, refusals, onPlaced } = this.options;
    const { id } = cell;
    const { origin: _, ...task } = cell.task;
    const images = task.cell.kernels.flatMap((name) => offered.get(name) ?? []);
    const checked = jobBody.safeParse({ task, images });
    if (!checked.success) {
      const why = `this is not a cell: ${checked.error.issues[0]?.message}`;
      return cells.resolve(cell, infraAttempt(cell.task, 'unknown', why));
    }
    this.queued.add(id);
    const sealed = key.seal(jobHead(queue.name, cell.task), JSON.stringify(checked.data));
    await queue.add('cell', sealed, {
      jobId: id,
      removeOnComplete: { age: KEPT_SECONDS },
      removeOnFail: { age: KEPT_SECONDS },
    });
    const job = await readJob(redis, queue.toKey(id));
    if (job === undefined) return;
    const own = readOwnJob(job?.data, checked.data.task, { key, queue: queue.name });
    if (!('kind' in own) && !cell.spent.has(own.head.nonce)) {
      cell.job = own;
      return onPlaced();
    }
    const why = 'kind' in own ? own.why : 'it was answered before';
    refusals.add(`a job in the place of ${id}`, why);
    const isRemoved = await this.remove(id);
    // If a worker holds it, the next check tries again.
    if (!cells.refuse(cell, why) && isRemoved) await this.place(cell);
  }

  private async remove(id: string): Promise<boolean> {
    return (await this.options.queue.remove(id).catch(() => 0)) === 1;
  }
}
