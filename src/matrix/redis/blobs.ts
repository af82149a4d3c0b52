// SPDX-License-Identifier: Apache-2.0
// Large things in Redis: a list of pieces, and the checksum of the whole with who holds the key. Gone by themselves
// where nobody asks for them.
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { LabError } from '../../util/errors.js';

/** Bytes of one piece. */
const PIECE = 4 << 20;
/** Most bytes of one thing. */
const MOST = 512 << 20;

export interface BlobRef {
  key: string;
  pieces: number;
  sha256: string;
}

/** @param seconds how long it stays */
export async function putBlob(
  redis: Redis,
  key: string,
  data: AsyncIterable<Buffer>,
  seconds: number,
): Promise<BlobRef> {
  const hash = createHash('sha256');
  let pieces = 0;
  let total = 0;
  let waiting: Buffer[] = [];
  let size = 0;
  await redis.del(key);
  const push = async () => {
    await redis.multi().rpush(key, Buffer.concat(waiting)).expire(key, seconds).exec();
    pieces++;
    waiting = [];
    size = 0;
  };
  for await (const chunk of data) {
    hash.update(chunk);
    waiting.push(chunk);
    size += chunk.length;
    total += chunk.length;
    if (total > MOST) throw new LabError(`more than ${MOST} bytes do not go through Redis`);
    if (size >= PIECE) await push();
  }
  if (size > 0) await push();
  return { key, pieces, sha256: hash.digest('hex') };
}

/** Yields the thing piece by piece. Throws a LabError at the end where it is not what was put. */
export async function* getBlob(redis: Redis, { key, pieces, sha256 }: BlobRef): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for (let index = 0; index < pieces; index++) {
    const piece = await redis.lindexBuffer(key, index);
    if (piece === null) throw new LabError(`piece ${index + 1} of ${pieces} of ${key} is gone from Redis`);
    hash.update(piece);
    yield piece;
  }
  if (hash.digest('hex') !== sha256) throw new LabError(`${key} came out of Redis changed`);
}
