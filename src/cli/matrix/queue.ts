// SPDX-License-Identifier: Apache-2.0
// Opens the queue that runs the cells of a matrix: this process, or workers behind Redis.
import { availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';
import { defaultCacheDir } from '../../images/cache/cache.js';
import { type Capacity, capacity } from '../../host/capacity.js';
import type { TrustOption } from '../../host/trust.js';
import { HostSlots } from '../../host/slots.js';
import { LocalQueue } from '../../matrix/local-queue.js';
import type { CellQueue, OnNews } from '../../matrix/queue.js';
import { connect } from '../../matrix/redis/connection.js';
import { offerImages } from '../../matrix/redis/images.js';
import { takeQueueKey } from '../../matrix/redis/key.js';
import { teamOf } from '../../matrix/redis/names.js';
import { RedisQueue } from '../../matrix/redis/redis-queue.js';
import { cellRunner } from '../../matrix/runner.js';
import type { Cell, Matrix } from '../../model/result/matrix.js';
import type { Plan } from '../../model/scenario/plan.js';
import type { Preparation } from '../../perform/prepare.js';
import type { MatrixView } from '../../report/live/matrix.js';
import { progressText } from '../../report/live/progress-text.js';
import { kernelProblem } from '../run/check-kernels.js';
import { labIdentity, labVersion } from '../common/version.js';

export interface QueueOptions extends TrustOption {
  plan: Plan;
  preparation: Preparation;
  results: string;
  /** Value of --jobs. */
  jobs?: number;
  /** Address of the Redis; without it the cells run here. */
  queue?: string;
  signal: AbortSignal;
}

export async function openQueue(matrix: Matrix, options: QueueOptions, view: MatrixView): Promise<CellQueue> {
  const { plan, preparation, results, signal, trust } = options;
  const onNews = showNews(view, matrix.cells);
  if (options.queue !== undefined) return openRedis(options.queue, matrix, options, view, onNews);
  const room = capacity(options.jobs ?? null, plan.limits);
  if (room.note !== null) view.note(room.note);
  return localQueue({ preparation, results, room, note: (text) => view.note(text), onNews, signal, trust });
}

async function openRedis(
  url: string,
  matrix: Matrix,
  { results, signal }: QueueOptions,
  view: MatrixView,
  onNews: OnNews,
): Promise<CellQueue> {
  const note = (text: string) => view.note(text);
  const key = takeQueueKey(process.env);
  if (key.mark === null)
    note('there is no LAB_QUEUE_SECRET: anybody who reaches this Redis can answer, and workers get no kernels');
  const redis = await connect(url, (trouble) => note(trouble ?? 'Redis is back'), signal);
  try {
    const kernels = new Set(matrix.cells.flatMap((cell) => cell.kernels));
    const team = teamOf(labIdentity(), key);
    const images = await offerImages(redis, kernels, { key, team }, { signal, onProgress: () => undefined });
    const queue = new RedisQueue({
      redis,
      identity: labIdentity(),
      key,
      matrix: matrix.id,
      results,
      images,
      onNews,
      note,
      signal,
    });
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

export interface LocalOptions extends TrustOption {
  preparation: Preparation;
  results: string;
  room: Capacity;
  note: (text: string) => void;
  onNews: OnNews;
  signal: AbortSignal;
}

export const thisWorker = () => `${hostname()}:${process.pid}`;

/** Runs cells in this process. All labs of this host together run no more machines than it has cores. */
export function localQueue({ preparation, results, room, note, onNews, signal, trust }: LocalOptions): LocalQueue {
  let noted = false;
  const slots = new HostSlots(join(defaultCacheDir(), 'host', 'machines'), availableParallelism(), () => {
    if (!noted) note('another matrix runs on this host: the two share its cores');
    noted = true;
  });
  return new LocalQueue({
    worker: thisWorker(),
    signal,
    capacity: room,
    onNews,
    acquireSlot: (until) => slots.acquire(until),
    runCell: cellRunner({
      preparation,
      results,
      labVersion: labVersion(),
      worker: thisWorker(),
      kernelProblem,
      trust: trust === true,
      describe: progressText,
    }),
  });
}

function showNews(view: MatrixView, all: readonly Cell[]): OnNews {
  const cells = new Map(all.map((cell) => [cell.id, cell]));
  return (id, each) => {
    const cell = cells.get(id);
    if (cell === undefined) return;
    if (each.kind === 'running') view.running(cell, each.worker);
    else if (each.kind === 'detail') view.detail(cell, each.text);
    else view.waiting(cell, each.why);
  };
}
