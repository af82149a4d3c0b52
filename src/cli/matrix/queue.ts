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
import type { QueueKey } from '../../matrix/redis/seal/key.js';
import { CellPool } from '../../matrix/process/pool.js';
import type { Cell, Matrix } from '../../model/result/matrix.js';
import type { Plan } from '../../model/scenario/plan.js';
import type { MatrixView } from '../../report/live/matrix.js';
import { packageRoot } from '../../util/package-root.js';
import { lastLines } from '../../util/process/command.js';
import type { Accel } from '../common/option-values.js';
import { openRedisQueue } from '../common/redis-queue.js';

export interface QueueOptions extends TrustOption {
  plan: Plan;
  accel: Accel;
  results: string;
  /** Value of --jobs. */
  jobs?: number;
  /** Signs what goes through Redis. */
  key: QueueKey;
  /** Address of the Redis; without it the cells run here. */
  queue?: string;
  signal: AbortSignal;
}

export async function openQueue(matrix: Matrix, options: QueueOptions, view: MatrixView): Promise<CellQueue> {
  const { plan, accel, results, signal, trust } = options;
  const onNews = showNews(view, matrix.cells);
  const note = (text: string) => view.note(text);
  if (options.queue !== undefined) {
    const kernels = new Set(matrix.cells.flatMap((cell) => cell.kernels));
    const { queue: url, key } = options;
    return openRedisQueue({ url, key, id: matrix.id, kernels, results, onNews, note, signal });
  }
  const room = capacity(options.jobs ?? null, plan.limits);
  if (room.note !== null) note(room.note);
  return localQueue({ accel, results, room, note, onNews, signal, trust });
}

export interface LocalOptions extends TrustOption {
  accel: Accel;
  results: string;
  room: Capacity;
  note: (text: string) => void;
  onNews: OnNews;
  signal: AbortSignal;
}

export const thisWorker = () => `${hostname()}:${process.pid}`;

/**
 * MiB of JavaScript objects that one run may need. The largest shipped scenario needs a tenth of it; a machine that
 * makes its lab need more costs its own cell only.
 */
const MAX_HEAP_MIB = 1536;
/** As for the lab itself (bin/lab.js). */
const HEAP = [`--max-old-space-size=${MAX_HEAP_MIB}`, '--max-semi-space-size=2'];
/** Lines of a crashed process that are shown. */
const LOG_LINES = 12;

/** Runs cells in processes of their own. All labs of this host together run no more machines than it has cores. */
export function localQueue({ accel, results, room, note, onNews, signal, trust }: LocalOptions): LocalQueue {
  let noted = false;
  const slots = new HostSlots(join(defaultCacheDir(), 'host', 'machines'), availableParallelism(), () => {
    if (!noted) note('another matrix runs on this host: the two share its cores');
    noted = true;
  });
  const worker = thisWorker();
  const pool = new CellPool({
    argv: [process.execPath, ...HEAP, join(packageRoot(), 'dist/cell.js')],
    accel,
    results,
    worker,
    trust: trust === true,
    onCrash: ({ cell }, log) => {
      note(`${cell.id}: its process crashed, the others go on`);
      for (const line of lastLines(log, LOG_LINES).split('\n')) note(`  ${line}`);
    },
  });
  return new LocalQueue({
    worker,
    signal,
    capacity: room,
    onNews,
    acquireSlot: (until) => slots.acquire(until),
    runCell: pool.run,
    end: () => pool.close(),
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
