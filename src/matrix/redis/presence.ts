// SPDX-License-Identifier: Apache-2.0
// Which matrices and workers are there: each holds an expiring key with the identity of its lab.
import type { Redis } from 'ioredis';
import { matrixKey, workerKey } from './names.js';

/** Seconds after which a key expires that is not renewed. */
export const ALIVE_SECONDS = 30;

/** Matrices that run over this Redis. */
export async function matricesOn(redis: Redis): Promise<{ id: string; identity: string }[]> {
  const keys = await scan(redis, `${matrixKey('')}*`);
  const identities = keys.length === 0 ? [] : await redis.mget(keys);
  return keys.flatMap((key, index) =>
    identities[index] == null ? [] : [{ id: key.slice(matrixKey('').length), identity: identities[index] as string }],
  );
}

/** Notes, once each, workers that get no cell of a matrix, and that there are no workers at all. */
export class WorkerWatch {
  private readonly noted = new Set<string>();

  constructor(
    private readonly redis: Redis,
    private readonly identity: string,
    private readonly note: (text: string) => void,
  ) {}

  async check(): Promise<void> {
    const keys = await scan(this.redis, `${workerKey('')}*`);
    for (const key of keys) {
      const other = await this.redis.get(key);
      const name = key.slice(workerKey('').length);
      if (other !== null && other !== this.identity)
        this.once(name, `worker ${name} is of lab ${other}, this matrix of lab ${this.identity}: it gets no cells`);
    }
    if (keys.length === 0) this.once('none', 'there is no worker yet: lab worker --queue URL');
  }

  private once(what: string, text: string): void {
    if (!this.noted.has(what)) this.note(text);
    this.noted.add(what);
  }
}

async function scan(redis: Redis, pattern: string): Promise<string[]> {
  const found = new Set<string>();
  for (let cursor = '0', first = true; first || cursor !== '0'; first = false) {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 500);
    cursor = next;
    for (const key of keys) found.add(key);
  }
  return [...found].sort();
}
