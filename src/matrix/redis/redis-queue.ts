// SPDX-License-Identifier: Apache-2.0
// The side of a matrix: cells go into a queue in Redis, workers on any hosts take them, whole result folders come back.
// What Redis forgets is put in again; what comes twice is taken once.
import { Queue, QueueEvents, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Attempt } from '../../model/result/matrix.js';
import { unpackRun } from '../../store/run/archive.js';
import { deferred, type Deferred, within } from '../../util/deadline.js';
import { isDiskFull, LabError, messageOf } from '../../util/errors.js';
import { infraAttempt } from '../attempt.js';
import type { CellQueue, CellTask, OnNews } from '../queue.js';
import { getBlob } from './blobs.js';
import { LONGEST_GOODBYE, PREFIX } from './connection.js';
import { cellReport, jobId, KEPT, matrixKey, type OfferedImage, progressData, queueName } from './names.js';
import { ALIVE, WorkerWatch } from './presence.js';

/** Milliseconds between two looks for what events did not tell. */
const LOOK_EVERY = 2000;
/** Looks after which it is checked that Redis still knows every cell. */
const CHECK_EVERY = 5;

export interface RedisQueueOptions {
  redis: Redis;
  identity: string;
  matrix: string;
  results: string;
  /** Kernels that workers may fetch, by name. */
  images: ReadonlyMap<string, OfferedImage>;
  onNews: OnNews;
  note: (text: string) => void;
  signal: AbortSignal;
}

interface Pending {
  task: CellTask;
  done: Deferred<Attempt>;
}

export class RedisQueue implements CellQueue {
  /** For events: it waits for them, and so can serve nothing else. */
  private readonly connection: Redis;
  private readonly queue: Queue;
  private readonly events: QueueEvents;
  private readonly pending = new Map<string, Pending>();
  /** What is in Redis and was not taken back out. */
  private readonly there = new Set<string>();
  private readonly workers: WorkerWatch;
  private readonly timer: NodeJS.Timeout;
  private looking: Promise<void> | null = null;
  private again = false;
  private looks = 0;
  private closed: Promise<void> | null = null;
  /** A server that was gone may have forgotten. */
  private readonly onBack = () => {
    this.looks = 0;
    this.look();
  };
  private readonly onAbort = () => this.rejectAll(this.options.signal.reason as Error);

  constructor(private readonly options: RedisQueueOptions) {
    const { redis, identity, signal } = options;
    this.queue = new Queue(queueName(identity), { connection: redis, prefix: PREFIX });
    this.connection = redis.duplicate();
    this.events = new QueueEvents(queueName(identity), { connection: this.connection, prefix: PREFIX });
    // A lost connection is told by our own; everything else shows in what is missing.
    this.queue.on('error', () => undefined);
    this.events.on('error', () => undefined);
    this.events.on('completed', () => this.look());
    this.events.on('failed', () => this.look());
    this.events.on('progress', ({ jobId: id, data }) => this.progress(id, data));
    this.events.on('stalled', ({ jobId: id }) => this.news(id, { kind: 'waiting', why: 'its worker is gone' }));
    this.workers = new WorkerWatch(redis, identity, options.note);
    this.timer = setInterval(() => this.look(), LOOK_EVERY);
    signal.addEventListener('abort', this.onAbort, { once: true });
    redis.on('ready', this.onBack);
    this.look();
  }

  async submit(task: CellTask): Promise<Attempt> {
    const { signal } = this.options;
    signal.throwIfAborted();
    if (this.closed !== null) throw new LabError('the queue is closed');
    const done = deferred<Attempt>();
    const id = jobId(task);
    this.pending.set(id, { task, done });
    this.put(id, task).catch((error: unknown) => this.settle(id, (each) => each.done.reject(error as Error)));
    return done.promise;
  }

  /** The same name goes in once, however often it is put. */
  private async put(id: string, task: CellTask): Promise<void> {
    this.there.add(id);
    const images = task.cell.kernels.flatMap((name) => this.options.images.get(name) ?? []);
    await this.queue.add(
      'cell',
      { task, images },
      { jobId: id, removeOnComplete: { age: KEPT }, removeOnFail: { age: KEPT } },
    );
  }

  close(): Promise<void> {
    this.closed ??= this.end();
    return this.closed;
  }

  private async end(): Promise<void> {
    clearInterval(this.timer);
    this.options.signal.removeEventListener('abort', this.onAbort);
    this.options.redis.off('ready', this.onBack);
    this.rejectAll(new LabError('the queue is closed'));
    // A server that is gone is not waited for here: what it holds goes by itself.
    if (this.options.redis.status === 'ready')
      await within(this.takeBack(), { ms: LONGEST_GOODBYE, what: 'answer from Redis', whose: 'host' }).catch(
        () => undefined,
      );
    await within(Promise.allSettled([this.queue.close(), this.events.close()]), {
      ms: LONGEST_GOODBYE,
      what: 'answer from Redis',
      whose: 'host',
    }).catch(() => undefined);
    this.connection.disconnect();
  }

  /** Cells that nobody has begun are taken back; what is under way is finished by its worker and kept for --resume. */
  private async takeBack(): Promise<void> {
    await this.looking;
    for (const id of this.there) await this.queue.remove(id).catch(() => 0);
    await this.options.redis.del(matrixKey(this.options.matrix));
  }

  private rejectAll(error: Error): void {
    for (const id of this.pending.keys()) this.settle(id, ({ done }) => done.reject(error));
  }

  private settle(id: string, how: (pending: Pending) => void): void {
    const pending = this.pending.get(id);
    if (pending === undefined) return;
    this.pending.delete(id);
    how(pending);
  }

  private news(id: string, news: Parameters<OnNews>[1]): void {
    const pending = this.pending.get(id);
    if (pending !== undefined) this.options.onNews(pending.task.cell.id, news);
  }

  private progress(id: string, data: unknown): void {
    const said = progressData.safeParse(data).data;
    if (said === undefined) return;
    this.news(id, said.text === '' ? { kind: 'running', worker: said.worker } : { kind: 'detail', text: said.text });
  }

  /** One look at a time; who asks meanwhile gets another one after it. */
  private look(): void {
    if (this.looking !== null) {
      this.again = true;
      return;
    }
    if (this.closed !== null || this.options.redis.status !== 'ready') return;
    this.again = false;
    // What could not be asked now is asked again at the next look.
    this.looking = this.lookOnce()
      .catch(() => undefined)
      .finally(() => {
        this.looking = null;
        if (this.again) this.look();
      });
  }

  private async lookOnce(): Promise<void> {
    const { redis, matrix, identity } = this.options;
    await redis.set(matrixKey(matrix), identity, 'EX', ALIVE);
    const ended = [...(await this.queue.getJobs(['completed', 'failed']))].filter(
      (job) => job?.id !== undefined && this.pending.has(job.id),
    );
    for (const job of ended) await this.take(job);
    if (this.looks++ % CHECK_EVERY === 0) {
      await this.putMissing();
      if (this.pending.size > 0) await this.workers.look();
    }
  }

  private async take(job: Job): Promise<void> {
    const { redis, results, matrix } = this.options;
    const id = job.id as string;
    const pending = this.pending.get(id);
    if (pending === undefined) return;
    const { task } = pending;
    const report = cellReport.safeParse(job.returnvalue).data;
    let attempt: Attempt;
    if (report === undefined || report.attempt.cell !== task.cell.id) {
      attempt = infraAttempt(
        task,
        'unknown',
        job.failedReason ? `the worker failed: ${job.failedReason}` : 'the worker gave no result',
      );
    } else {
      attempt = { ...report.attempt, attempt: task.attempt };
      if (report.parcel !== null && attempt.run !== null) {
        try {
          await unpackRun(
            results,
            attempt.run,
            { matrix, cell: task.cell.id, attempt: task.attempt },
            getBlob(redis, report.parcel),
          );
        } catch (error) {
          if (!(error instanceof LabError)) throw error;
          if (isDiskFull(error.cause)) return this.settle(id, ({ done }) => done.reject(error));
          attempt = infraAttempt(task, attempt.worker, messageOf(error), attempt.ms);
        }
      }
    }
    // The matrix writes the attempt down before the next word of this queue; if it is killed in between, the run's own
    // folder tells.
    this.settle(id, ({ done }) => done.resolve(attempt));
    this.there.delete(id);
    await job.remove().catch(() => undefined);
    if (report?.parcel) await redis.del(report.parcel.key);
  }

  /** A Redis that came back with less than it had is given the rest again. */
  private async putMissing(): Promise<void> {
    for (const [id, { task }] of this.pending) {
      if ((await this.options.redis.exists(this.queue.toKey(id))) === 0 && this.pending.has(id))
        await this.put(id, task);
    }
  }
}
