// SPDX-License-Identifier: Apache-2.0
// Sends kernels through Redis: the matrix offers each once, and workers fetch those that they lack. Only with a secret:
// nobody can look at a kernel and see that it is the right one, so it counts who sent it.
import type { Redis } from 'ioredis';
import { type ImageContext, offerKernel, takeKernel } from '../../images/index.js';
import { parseJson } from '../../util/json.js';
import { type BlobRef, blobRefSchema, getBlob, keepBlob, putBlob } from './blobs.js';
import { sealedSchema } from './seal/envelope.js';
import type { QueueKey } from './seal/key.js';
import type { OfferedImage } from './messages.js';
import { imageKey, KEPT_SECONDS, queueName } from './names.js';

/** Characters of the place of a kernel in Redis. */
const MAX_ABOUT = 1 << 20;

/** Offers every kernel that other hosts can use, by name. A kernel that is already in Redis is not sent again. */
export async function offerImages(
  redis: Redis,
  names: Iterable<string>,
  { key, team }: { key: QueueKey; team: string },
  context: ImageContext,
): Promise<Map<string, OfferedImage>> {
  const offered = new Map<string, OfferedImage>();
  if (key.mark === null) return offered;
  for (const name of names) {
    const archive = await offerKernel(name, context);
    if (archive === null) continue;
    const at = imageKey(team, archive.key);
    const about = new About(redis, at, { key, queue: queueName(team) });
    let blob = await about.read();
    if (blob === null || !(await keepBlob(redis, blob, KEPT_SECONDS))) {
      context.onProgress({ task: `offer kernel ${name}`, done: 0, of: null });
      blob = await putBlob(redis, at, archive.pack(), KEPT_SECONDS);
    }
    await about.write(blob);
    offered.set(name, { name, key: archive.key, files: archive.files, blob });
  }
  return offered;
}

/** Says where in Redis a kernel is. Signed, because a later matrix takes it for its own. */
class About {
  private readonly head;

  constructor(
    private readonly redis: Redis,
    private readonly at: string,
    private readonly peer: { key: QueueKey; queue: string },
  ) {
    this.head = { direction: 'image', queue: peer.queue, matrix: at, cell: '', attempt: 0, nonce: '' } as const;
  }

  async read(): Promise<BlobRef | null> {
    const text = await this.redis.getrange(`${this.at}:about`, 0, MAX_ABOUT);
    const message = parseJson(text, sealedSchema);
    const opened = this.peer.key.open(message, { direction: 'image', queue: this.peer.queue });
    if (opened.kind !== 'signed' || opened.head.matrix !== this.at) return null;
    return parseJson(opened.body, blobRefSchema);
  }

  async write(blob: BlobRef): Promise<void> {
    const sealed = this.peer.key.seal({ ...this.head, issuedAt: Date.now() }, JSON.stringify(blob));
    await this.redis.set(`${this.at}:about`, JSON.stringify(sealed), 'EX', KEPT_SECONDS);
  }
}

export async function fetchImage(
  redis: Redis,
  { name, key, files, blob }: OfferedImage,
  context: ImageContext,
): Promise<void> {
  await takeKernel(name, { key, files, data: () => getBlob(redis, blob) }, context);
}
