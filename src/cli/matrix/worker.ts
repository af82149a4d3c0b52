// SPDX-License-Identifier: Apache-2.0
// `lab worker`: runs cells of matrices that come through Redis, until it is stopped.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { capacity } from '../../host/capacity.js';
import type { TrustOption } from '../../host/trust.js';
import { checkUrl, connect, shownUrl } from '../../matrix/redis/connection.js';
import { fetchImage } from '../../matrix/redis/images.js';
import { takeQueueKey } from '../../matrix/redis/seal/key.js';
import { RedisWorker } from '../../matrix/redis/redis-worker.js';
import { seconds } from '../../report/text/style.js';
import { messageOf } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import { removeTemp, makeTemp } from '../../util/process/reaper.js';
import { interruptible, onInterruptKept } from '../common/interrupt.js';
import { localQueue, thisWorker } from './queue.js';
import { type Accel, accelOption, jobs as jobsValue, trustOption } from '../common/option-values.js';
import { labIdentity } from '../common/version.js';

interface WorkerOptions extends TrustOption {
  queue: string;
  jobs?: number;
  accel: Accel;
}

export function createCommand(): Command {
  return new Command('worker')
    .description('runs cells of matrices and inputs of hunts that come through Redis (--queue), until it is stopped')
    .requiredOption('--queue <url>', 'the Redis of the matrix, such as redis://host:6379')
    .option(
      '--jobs <n>',
      'run at most this many machines at once; the default and the limit are what cores and memory allow',
      jobsValue,
    )
    .addOption(trustOption('signed jobs'))
    .addOption(accelOption())
    .action((options: WorkerOptions) => interruptible((signal) => work(options, signal)));
}

async function work({ queue, jobs, accel, trust }: WorkerOptions, signal: AbortSignal): Promise<void> {
  checkUrl(queue);
  const key = takeQueueKey(process.env);
  const began = performance.now();
  const note = (text: string) =>
    process.stderr.write(`[${seconds(performance.now() - began).padStart(8)}] ${printable(text, 500)}\n`);
  // The runs go to the host of the matrix; nothing stays here.
  const results = makeTemp(join(tmpdir(), 'lab-worker-'));
  try {
    const redis = await connect(queue, (trouble) => note(trouble ?? 'Redis is back'), signal);
    try {
      const room = capacity(jobs ?? null, { jobs: null, memory: null, timeout: null });
      if (room.note !== null) note(room.note);
      const worker = await RedisWorker.open({
        redis,
        identity: labIdentity(),
        key,
        worker: thisWorker(),
        jobs: room.jobs,
        results,
        note,
        signal,
        fetchImage: async (image) => {
          try {
            await fetchImage(redis, image, { signal, onProgress: () => undefined });
          } catch (error) {
            signal.throwIfAborted();
            note(`kernel ${image.name} cannot be fetched, so this host builds it: ${messageOf(error)}`);
          }
        },
        local: (onNews) =>
          localQueue({
            accel,
            results,
            room,
            note,
            signal,
            trust,
            onNews: (cell, news) => {
              if (news.kind === 'running') note(cell);
              onNews(cell, news);
            },
          }),
      });
      note(
        `worker ${thisWorker()} of lab ${labIdentity()} waits for cells at ${shownUrl(queue)}, ` +
          `at most ${room.jobs} at once`,
      );
      if (key.mark === null)
        note(
          'there is no LAB_QUEUE_SECRET: anybody who reaches this Redis can send jobs, so every job counts as ' +
            'untrusted, and kernels are built here',
        );
      onInterruptKept(() => ['the unfinished cells: they are back in the queue, for any other worker']);
      try {
        await worker.run();
      } finally {
        await worker.close();
      }
    } finally {
      redis.disconnect();
    }
  } finally {
    removeTemp(results);
  }
}
