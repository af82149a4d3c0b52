// SPDX-License-Identifier: Apache-2.0
// A queue in a real Redis with workers, in this process or in their own, that run fake cells.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { LocalQueue } from '../../src/matrix/local-queue.js';
import { connect } from '../../src/matrix/redis/connection.js';
import { QueueKey } from '../../src/matrix/redis/seal/key.js';
import { RedisQueue } from '../../src/matrix/redis/queue/redis-queue.js';
import { RedisWorker } from '../../src/matrix/redis/redis-worker.js';
import type { OnNews } from '../../src/matrix/queue.js';
import { fakeRunner } from './fake-runner.js';

/** Short, so that a dead worker is noticed within a second. Milliseconds. */
export const LOCK = { duration: 1000, interval: 300 };
/** Short, so that what only a poll finds is found soon. Milliseconds. */
const POLL_MS = 200;
const RENEW_MS = 500;
export const IDENTITY = '0.1.0+test';

export interface RigOptions {
  url: string;
  dir: string;
  matrix?: string;
  identity?: string;
  secret?: string | null;
  onNews?: OnNews;
  signal?: AbortSignal;
  /** How long a queue waits for Redis. */
  connectMs?: number;
}

/** A secret for tests. */
export const SECRET = 'a secret that is long enough for tests';

export interface Side<T> {
  side: T;
  redis: Redis;
  notes: string[];
  close: () => Promise<void>;
}

const never = new AbortController().signal;

export async function openQueue({
  url,
  dir,
  matrix = 'm1',
  identity = IDENTITY,
  secret = null,
  onNews = () => undefined,
  signal = never,
  connectMs,
}: RigOptions): Promise<Side<RedisQueue>> {
  const notes: string[] = [];
  const results = join(dir, 'results');
  mkdirSync(results, { recursive: true });
  const redis = await connect(url, (what) => notes.push(what ?? 'back'), signal, { connectMs });
  const side = new RedisQueue({
    redis,
    identity,
    key: new QueueKey(secret),
    matrix,
    results,
    images: new Map(),
    onNews,
    note: (text) => notes.push(text),
    signal,
    pollMs: POLL_MS,
  });
  return {
    side,
    redis,
    notes,
    close: async () => {
      await side.close();
      redis.disconnect();
    },
  };
}

export async function openWorker(
  { url, dir, identity = IDENTITY, secret = null, signal = never }: RigOptions,
  worker: string,
  jobs = 2,
  memory = 1 << 30,
): Promise<Side<RedisWorker>> {
  const notes: string[] = [];
  const results = join(dir, `of-${worker}`);
  mkdirSync(results, { recursive: true });
  const redis = await connect(url, (what) => notes.push(what ?? 'back'), signal);
  const free = { fd: -1, release: () => undefined };
  try {
    const side = await RedisWorker.open({
      redis,
      identity,
      key: new QueueKey(secret),
      worker,
      jobs,
      results,
      note: (text) => notes.push(text),
      signal,
      lock: LOCK,
      renewMs: RENEW_MS,
      fetchImage: async () => undefined,
      local: (onNews) =>
        new LocalQueue({
          runCell: fakeRunner(results, worker, join(dir, 'diary')),
          capacity: { jobs, memory, note: null },
          acquireSlot: async () => free,
          worker,
          onNews,
          signal,
        }),
    });
    return {
      side,
      redis,
      notes,
      close: async () => {
        await side.close();
        redis.disconnect();
      },
    };
  } catch (error) {
    redis.disconnect();
    throw error;
  }
}
