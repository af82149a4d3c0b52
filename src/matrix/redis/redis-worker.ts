// SPDX-License-Identifier: Apache-2.0
// The side of a worker: takes cells from the queue in Redis, runs them, sends back whole result folders. A worker that
// dies loses its lock, and the cell goes to another; one that only seemed dead finds its lock gone, and what it brings
// is not taken.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Job, WaitingError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { packRun } from '../../store/run/archive.js';
import { deferred, type Deferred, within } from '../../util/deadline.js';
import { LabError, UsageError } from '../../util/errors.js';
import type { CellQueue, OnNews } from '../queue.js';
import { putBlob } from './blobs.js';
import { LONGEST_GOODBYE, PREFIX } from './connection.js';
import { type CellReport, jobData, KEPT, type OfferedImage, queueName, resultKey, workerKey } from './names.js';
import { ALIVE, matricesOn } from './presence.js';

/** Milliseconds between two signs of life. */
const SIGN_EVERY = 5000;
/** Milliseconds between two words about one cell. */
const TELL_EVERY = 1000;
/** Workers that may die over one cell before it is given up as `infra`. */
const MAX_DEATHS = 3;

export interface RedisWorkerOptions {
  redis: Redis;
  identity: string;
  worker: string;
  /** Cells at once. */
  jobs: number;
  /** Where its runs are put until they have been sent. */
  results: string;
  /** Runs the cells here. */
  local: (onNews: OnNews) => CellQueue;
  /** Fetches a kernel that is offered and not here yet. */
  fetchImage: (image: OfferedImage) => Promise<void>;
  note: (text: string) => void;
  signal: AbortSignal;
  /** Milliseconds after which a worker that gives no sign has lost its cell; and how often that is looked for. */
  lock?: { duration: number; interval: number };
}

export class RedisWorker {
  private readonly connection: Redis;
  private readonly worker: Worker;
  private readonly local: CellQueue;
  private readonly timer: NodeJS.Timeout;
  private readonly tellers = new Map<string, (text: string, at: number) => void>();
  private readonly told = new Set<string>();
  private readonly failure: Deferred<never> = deferred();
  private closed: Promise<void> | null = null;

  private constructor(private readonly options: RedisWorkerOptions) {
    const { redis, identity, jobs, worker, lock } = options;
    this.local = options.local((cell, news) => {
      if (news.kind === 'running') this.tellers.get(cell)?.('', 0);
      else if (news.kind === 'detail') this.tellers.get(cell)?.(news.text, performance.now());
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
      removeOnComplete: { age: KEPT },
      removeOnFail: { age: KEPT },
    });
    // Lost connections are told by our own.
    this.worker.on('error', () => undefined);
    this.timer = setInterval(() => void this.sign().catch(() => undefined), SIGN_EVERY);
  }

  /** Throws a UsageError where all matrices on the queue are another lab's. */
  static async open(options: RedisWorkerOptions): Promise<RedisWorker> {
    const { redis, identity } = options;
    const matrices = await matricesOn(redis);
    const [other] = matrices.filter((each) => each.identity !== identity);
    if (other !== undefined && !matrices.some((each) => each.identity === identity)) {
      throw new UsageError(
        `this is lab ${identity}; matrix ${other.id} on this queue is run by lab ${other.identity}: results of ` +
          'the two cannot stand in one matrix',
        { hint: 'start the worker from the same version of the lab' },
      );
    }
    const opened = new RedisWorker(options);
    await opened.sign();
    return opened;
  }

  /** Rejects where the worker cannot go on, with the signal's reason where it is aborted; never resolves. */
  async run(): Promise<never> {
    const { signal } = this.options;
    const stop = () => this.failure.reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    return this.failure.promise;
  }

  /** Gives back what it has begun, so that others take it at once. Safe to call twice. */
  close(): Promise<void> {
    this.closed ??= (async () => {
      clearInterval(this.timer);
      const { redis, worker } = this.options;
      await this.local.close();
      // A server that is gone is not waited for: it finds out by itself that this worker is gone, too.
      await within(
        (async () => {
          await this.worker.close(redis.status !== 'ready');
          await redis.del(workerKey(worker));
        })(),
        { ms: LONGEST_GOODBYE, what: 'answer from Redis', whose: 'host' },
      ).catch(() => undefined);
      this.connection.disconnect();
    })();
    return this.closed;
  }

  private async process(job: Job, token: string | undefined): Promise<CellReport> {
    const { redis, worker, results, fetchImage } = this.options;
    const checked = jobData.safeParse(job.data);
    if (!checked.success || job.id === undefined)
      throw new LabError(`this is no cell: ${checked.error?.issues[0]?.message}`);
    const { task, images } = checked.data;
    let last = -Infinity;
    this.tellers.set(task.cell.id, (text, at) => {
      if (text !== '' && at - last < TELL_EVERY) return;
      last = at;
      job.updateProgress({ worker, text: text.slice(0, 200) }).catch(() => undefined);
    });
    try {
      for (const image of images) await fetchImage(image);
      const attempt = await this.local.submit(task);
      if (attempt.run === null) return { attempt, parcel: null };
      const folder = join(results, attempt.run);
      try {
        return { attempt, parcel: await putBlob(redis, resultKey(job.id, worker), packRun(folder), KEPT) };
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    } catch (error) {
      if (this.closed === null && !this.options.signal.aborted) {
        // A disk that is full fails every cell: others do them.
        if (error instanceof LabError) this.failure.reject(error);
        throw error;
      }
      await job.moveToWait(token);
      throw new WaitingError();
    } finally {
      this.tellers.delete(task.cell.id);
    }
  }

  private async sign(): Promise<void> {
    const { redis, identity, worker, note } = this.options;
    if (redis.status !== 'ready') return;
    await redis.set(workerKey(worker), identity, 'EX', ALIVE);
    for (const { id, identity: other } of await matricesOn(redis)) {
      if (other === identity || this.told.has(id)) continue;
      this.told.add(id);
      note(`matrix ${id} is run by lab ${other}, this is lab ${identity}: this worker takes no cell of it`);
    }
  }
}
