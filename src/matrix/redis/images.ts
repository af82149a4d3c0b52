// SPDX-License-Identifier: Apache-2.0
// Sends kernels through Redis: the matrix offers each once, and workers fetch those that they lack.
import type { Redis } from 'ioredis';
import { type ImageContext, offerKernel, takeKernel } from '../../images/index.js';
import { parseJson } from '../../util/json.js';
import { blobRefSchema, getBlob, putBlob } from './blobs.js';
import { imageKey, KEPT_SECONDS, type OfferedImage } from './names.js';

/** Offers every kernel that other hosts can use, by name. A kernel that is already in Redis is not sent again. */
export async function offerImages(
  redis: Redis,
  names: Iterable<string>,
  context: ImageContext,
): Promise<Map<string, OfferedImage>> {
  const offered = new Map<string, OfferedImage>();
  for (const name of names) {
    const archive = await offerKernel(name, context);
    if (archive === null) continue;
    const { key, sha256, origin } = archive;
    const about = `${imageKey(key)}:about`;
    const known = await redis.get(about);
    let blob = known === null ? null : parseJson(known, blobRefSchema);
    if (blob === null || (await redis.expire(blob.key, KEPT_SECONDS)) === 0) {
      context.onProgress({ task: `offer kernel ${name}`, done: 0, of: null });
      blob = await putBlob(redis, imageKey(key), archive.pack(), KEPT_SECONDS);
    }
    await redis.set(about, JSON.stringify(blob), 'EX', KEPT_SECONDS);
    offered.set(name, { name, key, sha256, origin, blob });
  }
  return offered;
}

export async function fetchImage(
  redis: Redis,
  { name, key, sha256, origin, blob }: OfferedImage,
  context: ImageContext,
): Promise<void> {
  await takeKernel(name, { key, sha256, origin, data: () => getBlob(redis, blob) }, context);
}
