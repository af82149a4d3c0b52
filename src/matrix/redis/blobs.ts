// SPDX-License-Identifier: Apache-2.0
// Large data in Redis: a list of chunks. A reference includes the checksum of the whole. The data expires if
// nobody fetches it.
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { LabError } from '../../util/errors.js';
import { PREFIX } from './connection.js';

const CHUNK_BYTES = 4 << 20;
const MAX_BYTES = 512 << 20;

export const blobRefSchema = z.object({
  key: z.string().startsWith(`${PREFIX}:`),
  pieces: z.number().int().min(0),
  sha256: z.string(),
});
export type BlobRef = z.infer<typeof blobRefSchema>;

/** @param seconds after this time the data expires */
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
    if (total > MAX_BYTES) throw new LabError(`more than ${MAX_BYTES} bytes cannot go through Redis`);
    if (size >= CHUNK_BYTES) await push();
  }
  if (size > 0) await push();
  return { key, pieces, sha256: hash.digest('hex') };
}

/** Yields the data in chunks. Throws a LabError at the end if its checksum is wrong. */
export async function* getBlob(redis: Redis, { key, pieces, sha256 }: BlobRef): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for (let index = 0; index < pieces; index++) {
    const piece = await redis.lindexBuffer(key, index);
    if (piece === null) throw new LabError(`piece ${index + 1} of ${pieces} of ${key} is no longer in Redis`);
    hash.update(piece);
    yield piece;
  }
  if (hash.digest('hex') !== sha256) throw new LabError(`${key} has changed in Redis: its checksum is wrong`);
}
