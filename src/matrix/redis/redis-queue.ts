// SPDX-License-Identifier: Apache-2.0
// The matrix side: puts cells into a queue in Redis, where workers on any host take them, and receives complete result
// folders. Cells that Redis forgets are put in again; a result that comes twice is taken once.
import { Queue, QueueEvents, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Attempt } from '../../model/result/matrix.js';
import { unpackRun } from '../../store/run/archive.js';
import { deferred, type Deferred, within } from '../../util/deadline.js';
import { isDiskFull, LabError, messageOf } from '../../util/errors.js';
import { infraAttempt } from '../attempt.js';
import type { CellQueue, CellTask, OnNews } from '../queue.js';
import { getBlob } from './blobs.js';
import { MAX_CLOSE_MS, PREFIX } from './connection.js';
import { cellReport, jobId, KEPT_SECONDS, matrixKey, type OfferedImage, progressData, queueName } from './names.js';
import { ALIVE_SECONDS, WorkerWatch } from './presence.js';

/** Milliseconds between two polls, in case an event is lost. */
const POLL_MS = 2000;
/** Every so many polls, check that Redis still knows every cell. */
const POLLS_PER_CHECK = 5;

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
  /** The connection for events: it blocks while it waits for them, so it can serve nothing else. */
  private readonly connection: Redis;
  private readonly queue: Queue;
  private readonly events: QueueEvents;
  private readonly pending = new Map<string, Pending>();
  /** Jobs that are in Redis. */
  private readonly queued = new Set<string>();
  private readonly workers: WorkerWatch;
  private readonly timer: NodeJS.Timeout;
  private polling: Promise<void> | null = null;
  private pollAgain = false;
  private polls = 0;
  private closed: Promise<void> | null = null;
  /** A server that was gone may have forgotten cells. */
  private readonly onBack = () => {
    this.polls = 0;
    this.poll();
  };
  private readonly onAbort = () => this.rejectAll(this.options.signal.reason as Error);

  constructor(private readonly options: RedisQueueOptions) {
    const { redis, identity, signal } = options;
    this.queue = new Queue(queueName(identity), { connection: redis, prefix: PREFIX });
    this.connection = redis.duplicate();
    this.events = new QueueEvents(queueName(identity), { connection: this.connection, prefix: PREFIX });
    // `redis` reports a lost connection. Any other error shows as a missing result, which the polls find.
    this.queue.on('error', () => undefined);
    this.events.on('error', () => undefined);
    this.events.on('completed', () => this.poll());
    this.events.on('failed', () => this.poll());
    this.events.on('progress', ({ jobId: id, data }) => this.progress(id, data));
    this.events.on('stalled', ({ jobId: id }) => this.news(id, { kind: 'waiting', why: 'its worker is gone' }));
    this.workers = new WorkerWatch(redis, identity, options.note);
    this.timer = setInterval(() => this.poll(), POLL_MS);
    signal.addEventListener('abort', this.onAbort, { once: true });
    redis.on('ready', this.onBack);
    this.poll();
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

  /** Putting the same job twice has no effect. */
  private async put(id: string, task: CellTask): Promise<void> {
    this.queued.add(id);
    const images = task.cell.kernels.flatMap((name) => this.options.images.get(name) ?? []);
    await this.queue.add(
      'cell',
      { task, images },
      { jobId: id, removeOnComplete: { age: KEPT_SECONDS }, removeOnFail: { age: KEPT_SECONDS } },
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
    // Do not wait for a server that is gone: its keys expire.
    if (this.options.redis.status === 'ready')
      await within(this.takeBack(), { ms: MAX_CLOSE_MS, what: 'answer from Redis', whose: 'host' }).catch(
        () => undefined,
      );
    await within(Promise.allSettled([this.queue.close(), this.events.close()]), {
      ms: MAX_CLOSE_MS,
      what: 'answer from Redis',
      whose: 'host',
    }).catch(() => undefined);
    this.connection.disconnect();
  }

  /** Removes the cells that no worker has started. Workers finish the others, and the results are kept for --resume. */
  private async takeBack(): Promise<void> {
    await this.polling;
    for (const id of this.queued) await this.queue.remove(id).catch(() => 0);
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
    const message = progressData.safeParse(data).data;
    if (message === undefined) return;
    const { worker, text } = message;
    this.news(id, text === '' ? { kind: 'running', worker } : { kind: 'detail', text });
  }

  /** Runs one poll at a time. A request during a poll starts another one after it. */
  private poll(): void {
    if (this.polling !== null) {
      this.pollAgain = true;
      return;
    }
    if (this.closed !== null || this.options.redis.status !== 'ready') return;
    this.pollAgain = false;
    // After an error, the next poll asks again.
    this.polling = this.pollOnce()
      .catch(() => undefined)
      .finally(() => {
        this.polling = null;
        if (this.pollAgain) this.poll();
      });
  }

  private async pollOnce(): Promise<void> {
    const { redis, matrix, identity } = this.options;
    await redis.set(matrixKey(matrix), identity, 'EX', ALIVE_SECONDS);
    const ended = [...(await this.queue.getJobs(['completed', 'failed']))].filter(
      (job) => job?.id !== undefined && this.pending.has(job.id),
    );
    for (const job of ended) await this.take(job);
    if (this.polls++ % POLLS_PER_CHECK === 0) {
      await this.putMissing();
      if (this.pending.size > 0) await this.workers.check();
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
      if (report.archive !== null && attempt.run !== null) {
        try {
          await unpackRun(
            results,
            attempt.run,
            { matrix, cell: task.cell.id, attempt: task.attempt },
            getBlob(redis, report.archive),
          );
        } catch (error) {
          if (!(error instanceof LabError)) throw error;
          if (isDiskFull(error.cause)) return this.settle(id, ({ done }) => done.reject(error));
          attempt = infraAttempt(task, attempt.worker, messageOf(error), attempt.ms);
        }
      }
    }
    // The matrix stores the attempt before this queue continues. If it is killed in between, the folder of the run is
    // enough to find the attempt (orphans() in matrix/runner.ts).
    this.settle(id, ({ done }) => done.resolve(attempt));
    this.queued.delete(id);
    await job.remove().catch(() => undefined);
    if (report?.archive) await redis.del(report.archive.key);
  }

  /** If Redis lost cells while it was gone, puts them in again. */
  private async putMissing(): Promise<void> {
    for (const [id, { task }] of this.pending) {
      if ((await this.options.redis.exists(this.queue.toKey(id))) === 0 && this.pending.has(id))
        await this.put(id, task);
    }
  }
}
