// SPDX-License-Identifier: Apache-2.0
// The matrix side: puts cells into a queue in Redis, where workers on any host take them, and receives complete result
// folders. Cells that Redis forgets are put in again; a result that comes twice is taken once. What is no answer to an
// open job leaves its cell open.
import { Queue, QueueEvents } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Attempt } from '../../model/result/matrix.js';
import { unpackRun } from '../../store/run/archive.js';
import { deferred, type Deferred, within } from '../../util/deadline.js';
import { isDiskFull, LabError, messageOf } from '../../util/errors.js';
import { parseJson } from '../../util/json.js';
import { attemptOf, infraAttempt } from '../attempt.js';
import type { CellQueue, CellTask, OnNews } from '../queue.js';
import { type Answer, type OpenJob, readAnswer, readOwnJob } from './answers.js';
import { getBlob, removeBlob } from './blobs.js';
import { MAX_CLOSE_MS, PREFIX } from './connection.js';
import { answers, jobHead } from './seal/envelope.js';
import type { QueueKey } from './seal/key.js';
import { readJob } from './job.js';
import { jobBody, type OfferedImage, progressBody } from './messages.js';
import { jobId, KEPT_SECONDS, matrixKey, queueName, teamOf } from './names.js';
import { ALIVE_SECONDS, WorkerWatch } from './presence.js';
import { Refusals } from './seal/refusals.js';

/** Milliseconds between two polls, in case an event is lost. */
const POLL_MS = 2000;
/** After this many invalid answers a cell gets the outcome `infra`. */
const MAX_REFUSED = 3;
/** Every so many polls, check that Redis still knows every cell. */
const POLLS_PER_CHECK = 5;

export interface RedisQueueOptions {
  redis: Redis;
  identity: string;
  /** Signs what goes out, and checks what comes back. */
  key: QueueKey;
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
  /** The job that is to be answered; null until Redis has it. */
  job: OpenJob | null;
  /** How often something else than an answer came. */
  refused: number;
  /** Nonces of jobs whose answer was refused. */
  spent: Set<string>;
  isPutting: boolean;
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
  private readonly team: string;
  readonly refusals: Refusals;
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
    const { redis, identity, key, signal, note } = options;
    this.team = teamOf(identity, key);
    this.refusals = new Refusals(note);
    this.queue = new Queue(queueName(this.team), { connection: redis, prefix: PREFIX });
    this.connection = redis.duplicate();
    this.events = new QueueEvents(queueName(this.team), { connection: this.connection, prefix: PREFIX });
    // `redis` reports a lost connection. Any other error shows as a missing result, which the polls find.
    this.queue.on('error', () => undefined);
    this.events.on('error', () => undefined);
    this.events.on('completed', () => this.poll());
    this.events.on('failed', () => this.poll());
    this.events.on('progress', ({ jobId: id, data }) => this.progress(id, data));
    this.events.on('stalled', ({ jobId: id }) => this.news(id, { kind: 'waiting', why: 'its worker is gone' }));
    this.workers = new WorkerWatch(redis, this.team, note);
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
    const pending: Pending = { task, done, job: null, refused: 0, spent: new Set(), isPutting: false };
    this.pending.set(id, pending);
    void this.put(id, pending);
    return done.promise;
  }

  /** Puts a cell in. If an earlier process of this matrix did, its job stays, and what answers that. */
  private async put(id: string, pending: Pending): Promise<void> {
    if (pending.isPutting || this.pending.get(id) !== pending) return;
    pending.isPutting = true;
    try {
      await this.place(id, pending);
    } catch (error) {
      // A server that is gone: the next check puts it in again.
      if (this.options.redis.status !== 'ready' || this.closed !== null) return;
      this.refusals.add(`the job ${id}`, `by Redis: ${messageOf(error)}`);
      this.isGivenUp(id, pending, messageOf(error));
    } finally {
      pending.isPutting = false;
    }
  }

  private async place(id: string, pending: Pending): Promise<void> {
    const { key, images: offered } = this.options;
    const { origin: _, ...task } = pending.task;
    const images = task.cell.kernels.flatMap((name) => offered.get(name) ?? []);
    const checked = jobBody.safeParse({ task, images });
    if (!checked.success) {
      const attempt = infraAttempt(pending.task, 'unknown', `this is not a cell: ${checked.error.issues[0]?.message}`);
      return this.settle(id, ({ done }) => done.resolve(attempt));
    }
    this.queued.add(id);
    const sealed = key.seal(jobHead(this.queue.name, pending.task), JSON.stringify(checked.data));
    await this.queue.add('cell', sealed, {
      jobId: id,
      removeOnComplete: { age: KEPT_SECONDS },
      removeOnFail: { age: KEPT_SECONDS },
    });
    const job = await this.jobOf(id);
    if (job === undefined) return;
    const own = readOwnJob(job?.data, checked.data.task, { key, queue: this.queue.name });
    if (!('kind' in own) && !pending.spent.has(own.head.nonce)) {
      pending.job = own;
      // It may have its answer already.
      return this.poll();
    }
    const why = 'kind' in own ? own.why : 'it was answered before';
    this.refusals.add(`a job in the place of ${id}`, why);
    const isRemoved = (await this.queue.remove(id).catch(() => 0)) === 1;
    // If a worker holds it, the next check tries again.
    if (!this.isGivenUp(id, pending, why) && isRemoved) await this.place(id, pending);
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
    const job = this.pending.get(id)?.job;
    if (job == null) return;
    const opened = this.options.key.open(data, { direction: 'progress', queue: this.queue.name });
    if (opened.kind === 'refused' || !answers(opened.head, job.head)) return;
    const message = parseJson(opened.body, progressBody);
    if (message === null) return;
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
    const { redis, matrix } = this.options;
    await redis.set(matrixKey(matrix), this.team, 'EX', ALIVE_SECONDS);
    const ended = await this.queue.getRanges(['completed', 'failed'], 0, -1);
    for (const id of new Set(ended)) {
      const pending = this.pending.get(id);
      if (pending !== undefined && pending.job !== null) await this.take(id, pending, pending.job);
    }
    if (this.polls++ % POLLS_PER_CHECK === 0) {
      await this.putMissing();
      if (this.pending.size > 0) await this.workers.check();
    }
  }

  private async take(id: string, pending: Pending, open: OpenJob): Promise<void> {
    const { redis, key } = this.options;
    const { task } = pending;
    const job = await this.jobOf(id);
    if (job === undefined) return;
    const answer: Answer = job === null ? { kind: 'refused', why: 'it is no job' } : readAnswer(job, open, key);
    if (answer.kind === 'refused') return this.refuse(id, pending, answer.why);
    let attempt: Attempt;
    if (answer.kind === 'failed') {
      attempt = infraAttempt(task, 'unknown', answer.why);
    } else {
      try {
        attempt = await this.receive(task, answer);
      } catch (error) {
        if (!(error instanceof LabError)) throw error;
        if (isDiskFull(error.cause)) return this.settle(id, ({ done }) => done.reject(error));
        attempt = infraAttempt(task, answer.attempt.worker, messageOf(error), answer.attempt.ms);
      }
    }
    // The matrix stores the attempt before this queue continues. If it is killed in between, the folder of the run is
    // enough to find the attempt (orphans() in matrix/runner.ts).
    this.settle(id, ({ done }) => done.resolve(attempt));
    this.queued.delete(id);
    await this.queue.remove(id).catch(() => 0);
    if (answer.kind === 'result' && answer.archive !== null) await removeBlob(redis, answer.archive);
  }

  /** Fetches the run of an answer. The verdict comes from its folder. */
  private async receive(
    task: CellTask,
    { attempt, archive, sender }: Extract<Answer, { kind: 'result' }>,
  ): Promise<Attempt> {
    const { redis, results, matrix } = this.options;
    const { cell } = task;
    if (archive === null || attempt.run === null) return attempt;
    const asked = {
      cell: { matrix, cell: cell.id, attempt: task.attempt },
      text: task.text,
      kernels: cell.kernels,
      worker: attempt.worker,
      sender,
    };
    const { path, result } = await unpackRun(results, attempt.run, asked, getBlob(redis, archive));
    const { worker, ms } = attempt;
    return attemptOf({ cell: cell.id, attempt: task.attempt, worker }, result, path, ms);
  }

  private jobOf(id: string) {
    return readJob(this.options.redis, this.queue.toKey(id));
  }

  /** Leaves a cell open and puts it in again, unless that has happened too often. */
  private async refuse(id: string, pending: Pending, why: string): Promise<void> {
    this.refusals.add(`an answer to ${id}`, why);
    if (pending.job !== null) pending.spent.add(pending.job.head.nonce);
    pending.job = null;
    if (this.isGivenUp(id, pending, why)) return;
    await this.queue.remove(id).catch(() => 0);
    await this.put(id, pending);
  }

  private isGivenUp(id: string, pending: Pending, why: string): boolean {
    pending.refused++;
    if (pending.refused < MAX_REFUSED) return false;
    const attempt = infraAttempt(pending.task, 'unknown', `no valid answer in ${MAX_REFUSED} tries; the last: ${why}`);
    this.settle(id, ({ done }) => done.resolve(attempt));
    return true;
  }

  /** If Redis lost cells while it was gone, puts them in again. */
  private async putMissing(): Promise<void> {
    for (const [id, pending] of this.pending) {
      if (pending.job === null || (await this.options.redis.exists(this.queue.toKey(id))) === 0)
        await this.put(id, pending);
    }
  }
}
