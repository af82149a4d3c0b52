// SPDX-License-Identifier: Apache-2.0
// Opens a queue whose cells run on the workers behind a Redis.
import type { CellQueue, OnNews } from '../../matrix/queue.js';
import { connect } from '../../matrix/redis/connection.js';
import { offerImages } from '../../matrix/redis/images.js';
import { teamOf } from '../../matrix/redis/names.js';
import { RedisQueue } from '../../matrix/redis/queue/redis-queue.js';
import type { QueueKey } from '../../matrix/redis/seal/key.js';
import { labIdentity } from './version.js';

export interface RedisQueueSetting {
  url: string;
  /** Signs what goes through Redis. */
  key: QueueKey;
  /** Name of the matrix or hunt: the tasks carry it. */
  id: string;
  /** Kernels that are offered to the workers. */
  kernels: Iterable<string>;
  /** Folder that gets the runs. */
  results: string;
  onNews: OnNews;
  note: (text: string) => void;
  signal: AbortSignal;
}

export async function openRedisQueue({ url, id, kernels, ...setting }: RedisQueueSetting): Promise<CellQueue> {
  const { key, note, signal } = setting;
  if (key.mark === null)
    note('there is no LAB_QUEUE_SECRET: anybody who reaches this Redis can answer, and workers get no kernels');
  const redis = await connect(url, (trouble) => note(trouble ?? 'Redis is back'), signal);
  try {
    const identity = labIdentity();
    const offer = { key, team: teamOf(identity, key) };
    const images = await offerImages(redis, kernels, offer, { signal, onProgress: () => undefined });
    const queue = new RedisQueue({ ...setting, redis, identity, matrix: id, images });
    return {
      submit: (task) => queue.submit(task),
      close: async () => {
        await queue.close();
        redis.disconnect();
      },
    };
  } catch (error) {
    redis.disconnect();
    throw error;
  }
}
