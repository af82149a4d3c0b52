// SPDX-License-Identifier: Apache-2.0
// The worker side: takes cells from the queue in Redis, runs them, and sends back complete result folders. A worker
// that dies loses its lock, and its cell goes to another worker. If it only seemed dead, its lock is gone, and its
// result is not accepted.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Job, WaitingError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { packRun } from '../../store/run/archive.js';
import { deferred, type Deferred, within } from '../../util/deadline.js';
import { LabError, UsageError } from '../../util/errors.js';
import type { CellQueue, OnNews } from '../queue.js';
import { putBlob } from './blobs.js';
import { MAX_CLOSE_MS, PREFIX } from './connection.js';
import { type CellReport, jobData, KEPT_SECONDS, type OfferedImage, queueName, resultKey, workerKey } from './names.js';
import { ALIVE_SECONDS, matricesOn } from './presence.js';

/** Milliseconds between two renewals of the worker's key. */
const RENEW_MS = 5000;
/** Milliseconds between two progress messages of one cell. */
const PROGRESS_MS = 1000;
/** After this many dead workers a cell gets the outcome `infra`. */
const MAX_DEATHS = 3;

export interface RedisWorkerOptions {
  redis: Redis;
  identity: string;
  worker: string;
  /** Number of cells that run at once. */
  jobs: number;
  /** Folder of the runs until they have been sent. */
  results: string;
  /** Opens the queue that runs the cells on this host. */
  local: (onNews: OnNews) => CellQueue;
  /** Fetches an offered kernel that this host lacks. */
  fetchImage: (image: OfferedImage) => Promise<void>;
  note: (text: string) => void;
  signal: AbortSignal;
  /** Milliseconds after which a silent worker loses its cell, and between two checks for that. */
  lock?: { duration: number; interval: number };
}

export class RedisWorker {
  private readonly connection: Redis;
  private readonly worker: Worker;
  private readonly local: CellQueue;
  private readonly timer: NodeJS.Timeout;
  private readonly progressSenders = new Map<string, (text: string, at: number) => void>();
  private readonly noted = new Set<string>();
  private readonly failure: Deferred<never> = deferred();
  private closed: Promise<void> | null = null;

  private constructor(private readonly options: RedisWorkerOptions) {
    const { redis, identity, jobs, worker, lock } = options;
    this.local = options.local((cell, news) => {
      if (news.kind === 'running') this.progressSenders.get(cell)?.('', 0);
      else if (news.kind === 'detail') this.progressSenders.get(cell)?.(news.text, performance.now());
    });
    this.connection = redis.duplicate();
    this.worker = new Worker(queueName(identity), (job, token) => this.process(job, token), {
      connection: this.connection,
      prefix: PREFIX,
      name: worker,
      concurrency: jobs,
      lockDuration: lock?.duration ?? 60_000,
      stalledInterval: lock?.interval ?? 15_000,
      maxStalledCount: MAX_DEATHS,
      removeOnComplete: { age: KEPT_SECONDS },
      removeOnFail: { age: KEPT_SECONDS },
    });
    // `redis` reports lost connections.
    this.worker.on('error', () => undefined);
    this.timer = setInterval(() => void this.renew().catch(() => undefined), RENEW_MS);
  }

  /** Throws a UsageError if all matrices on the queue belong to another lab. */
  static async open(options: RedisWorkerOptions): Promise<RedisWorker> {
    const { redis, identity } = options;
    const matrices = await matricesOn(redis);
    const [other] = matrices.filter((each) => each.identity !== identity);
    if (other !== undefined && !matrices.some((each) => each.identity === identity)) {
      throw new UsageError(
        `this is lab ${identity}, but lab ${other.identity} runs matrix ${other.id} on this queue: ` +
          'results of two different labs cannot be mixed',
        { hint: 'start the worker from the same version of the lab' },
      );
    }
    const opened = new RedisWorker(options);
    await opened.renew();
    return opened;
  }

  /** Never resolves. Rejects if the worker cannot continue; after an abort, with the signal's reason. */
  async run(): Promise<never> {
    const { signal } = this.options;
    const stop = () => this.failure.reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    return this.failure.promise;
  }

  /** Returns unfinished cells to the queue, so that other workers take them at once. Safe to call twice. */
  close(): Promise<void> {
    this.closed ??= (async () => {
      clearInterval(this.timer);
      const { redis, worker } = this.options;
      await this.local.close();
      // Do not wait for a server that is gone: the keys of this worker expire.
      await within(
        (async () => {
          await this.worker.close(redis.status !== 'ready');
          await redis.del(workerKey(worker));
        })(),
        { ms: MAX_CLOSE_MS, what: 'answer from Redis', whose: 'host' },
      ).catch(() => undefined);
      this.connection.disconnect();
    })();
    return this.closed;
  }

  private async process(job: Job, token: string | undefined): Promise<CellReport> {
    const { redis, worker, results, fetchImage } = this.options;
    const checked = jobData.safeParse(job.data);
    if (!checked.success || job.id === undefined)
      throw new LabError(`this is not a cell: ${checked.error?.issues[0]?.message}`);
    const { task, images } = checked.data;
    let last = -Infinity;
    this.progressSenders.set(task.cell.id, (text, at) => {
      if (text !== '' && at - last < PROGRESS_MS) return;
      last = at;
      job.updateProgress({ worker, text: text.slice(0, 200) }).catch(() => undefined);
    });
    try {
      for (const image of images) await fetchImage(image);
      const attempt = await this.local.submit({ ...task, origin: 'unsigned' });
      if (attempt.run === null) return { attempt, archive: null };
      const folder = join(results, attempt.run);
      try {
        return { attempt, archive: await putBlob(redis, resultKey(job.id, worker), packRun(folder), KEPT_SECONDS) };
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    } catch (error) {
      if (this.closed === null && !this.options.signal.aborted) {
        // With a full disk every cell would fail here, so leave the cells to other workers.
        if (error instanceof LabError) this.failure.reject(error);
        throw error;
      }
      await job.moveToWait(token);
      throw new WaitingError();
    } finally {
      this.progressSenders.delete(task.cell.id);
    }
  }

  private async renew(): Promise<void> {
    const { redis, identity, worker, note } = this.options;
    if (redis.status !== 'ready') return;
    await redis.set(workerKey(worker), identity, 'EX', ALIVE_SECONDS);
    for (const { id, identity: other } of await matricesOn(redis)) {
      if (other === identity || this.noted.has(id)) continue;
      this.noted.add(id);
      note(`lab ${other} runs matrix ${id}, this is lab ${identity}: this worker takes no cells of it`);
    }
  }
}
