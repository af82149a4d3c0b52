// SPDX-License-Identifier: Apache-2.0
// Kernels through Redis: offered once by their key, fetched by workers that do not have them.
import type { Redis } from 'ioredis';
import { type ImageContext, offerKernel, takeKernel } from '../../images/index.js';
import { type BlobRef, getBlob, putBlob } from './blobs.js';
import { imageKey, KEPT, type OfferedImage } from './names.js';

/** Offers every kernel that others can use, by name. What is in Redis already is not sent again. */
export async function offerImages(
  redis: Redis,
  names: Iterable<string>,
  context: ImageContext,
): Promise<Map<string, OfferedImage>> {
  const offered = new Map<string, OfferedImage>();
  for (const name of names) {
    const parcel = await offerKernel(name, context);
    if (parcel === null) continue;
    const { key, sha256, origin } = parcel;
    const about = `${imageKey(key)}:about`;
    const known = await redis.get(about);
    let blob = known === null ? null : (JSON.parse(known) as BlobRef);
    if (blob === null || (await redis.expire(blob.key, KEPT)) === 0) {
      context.onProgress({ task: `offer kernel ${name}`, done: 0, of: null });
      blob = await putBlob(redis, imageKey(key), parcel.pack(), KEPT);
    }
    await redis.set(about, JSON.stringify(blob), 'EX', KEPT);
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
