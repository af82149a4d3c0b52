// SPDX-License-Identifier: Apache-2.0
// Somebody who reaches the Redis of a matrix, but does not know its secret. It speaks to the queue as BullMQ does.
import { type Job, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { jobHead, type Sealed } from '../../src/matrix/redis/seal/envelope.js';
import { QueueKey } from '../../src/matrix/redis/seal/key.js';
import { jobId, queueName, teamOf } from '../../src/matrix/redis/names.js';
import type { CellTask } from '../../src/matrix/queue.js';
import { IDENTITY, LOCK } from './redis-rig.js';

export interface HostilePeer {
  redis: Redis;
  queue: Queue;
  /** Takes jobs as a worker would, and answers with whatever this returns: so often for each, then never. */
  answerWith: (answer: (data: Sealed, job: Job) => unknown, times?: number) => Promise<Worker>;
}

/** @param secret of those whom it attacks; null if they have none */
export function hostilePeer(url: string, secret: string | null): HostilePeer {
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  // The name of the queue is no secret: Redis lists its keys.
  const name = queueName(teamOf(IDENTITY, new QueueKey(secret)));
  const queue = new Queue(name, { connection: redis, prefix: 'lab' });
  onTestFinished(async () => {
    await queue.close();
    redis.disconnect();
  });
  return {
    redis,
    queue,
    answerWith: async (answer, times = 1) => {
      const answered = new Map<string | undefined, number>();
      const connection = redis.duplicate();
      connection.on('error', () => undefined);
      const process = async (job: Job) => {
        const before = answered.get(job.id) ?? 0;
        answered.set(job.id, before + 1);
        return before < times ? answer(job.data as Sealed, job) : new Promise(() => undefined);
      };
      // Once it is gone, its jobs are soon free.
      const lock = { lockDuration: LOCK.duration, stalledInterval: LOCK.interval };
      const worker = new Worker(name, process, { connection, prefix: 'lab', concurrency: 9, ...lock });
      worker.on('error', () => undefined);
      onTestFinished(async () => {
        await worker.close(true).catch(() => undefined);
        connection.disconnect();
      });
      await worker.waitUntilReady();
      return worker;
    },
  };
}

/** The job of a task, as a matrix with this key makes it. */
export function sealedJob(task: CellTask, key: QueueKey, secret: string | null): Sealed {
  const { origin: _, ...sent } = task;
  const head = jobHead(queueName(teamOf(IDENTITY, new QueueKey(secret))), task);
  return key.seal(head, JSON.stringify({ task: sent, images: [] }));
}

export const idOf = (task: CellTask) => jobId(task);
