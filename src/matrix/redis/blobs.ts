// SPDX-License-Identifier: Apache-2.0
// Large data in Redis, in pieces. A reference holds the checksum of each piece, and nobody reads a changed one.
// The data expires if nobody fetches it.
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { LabError } from '../../util/errors.js';
import { PREFIX } from './connection.js';

const PIECE_BYTES = 4 << 20;
const MAX_BYTES = 512 << 20;
/** Limit of one piece: the last chunk may come on top. */
const MAX_PIECE_BYTES = 2 * PIECE_BYTES;

export const blobRefSchema = z.object({
  key: z.string().startsWith(`${PREFIX}:`).max(2000),
  /** SHA-256 of each piece. */
  pieces: z.array(z.string().regex(/^[0-9a-f]{64}$/)).max(MAX_BYTES / PIECE_BYTES),
});
export type BlobRef = z.infer<typeof blobRefSchema>;

/** @param seconds after this time the data expires */
export async function putBlob(
  redis: Redis,
  key: string,
  data: AsyncIterable<Buffer>,
  seconds: number,
): Promise<BlobRef> {
  const pieces: string[] = [];
  let total = 0;
  let waiting: Buffer[] = [];
  let size = 0;
  const push = async () => {
    const piece = Buffer.concat(waiting);
    await redis.set(pieceKey(key, pieces.length), piece, 'EX', seconds);
    pieces.push(sha256(piece));
    waiting = [];
    size = 0;
  };
  for await (const chunk of data) {
    waiting.push(chunk);
    size += chunk.length;
    total += chunk.length;
    if (total > MAX_BYTES) throw new LabError(`more than ${MAX_BYTES} bytes cannot go through Redis`);
    if (size >= PIECE_BYTES) await push();
  }
  if (size > 0) await push();
  return { key, pieces };
}

/** Yields the data piece by piece. Throws a LabError at the first piece that is missing or was changed. */
export async function* getBlob(redis: Redis, { key, pieces }: BlobRef): AsyncGenerator<Buffer> {
  for (const [index, expected] of pieces.entries()) {
    // Never more than a piece can have, whatever somebody put there.
    const piece = await redis.getrangeBuffer(pieceKey(key, index), 0, MAX_PIECE_BYTES);
    if (piece.length === 0)
      throw new LabError(`piece ${index + 1} of ${pieces.length} of ${key} is no longer in Redis`);
    if (sha256(piece) !== expected)
      throw new LabError(`${key} has changed in Redis: the checksum of piece ${index + 1} is wrong`);
    yield piece;
  }
}

export async function removeBlob(redis: Redis, { key, pieces }: BlobRef): Promise<void> {
  for (const index of pieces.keys()) await redis.del(pieceKey(key, index));
}

/** Keeps data for longer. False if some of it is gone. */
export async function keepBlob(redis: Redis, { key, pieces }: BlobRef, seconds: number): Promise<boolean> {
  for (const index of pieces.keys()) if ((await redis.expire(pieceKey(key, index), seconds)) === 0) return false;
  return true;
}

const pieceKey = (key: string, index: number) => `${key}:${index}`;

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
