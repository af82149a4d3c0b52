// SPDX-License-Identifier: Apache-2.0
// The matrix side: puts cells into a queue in Redis, where workers on any host take them, and receives complete result
// folders. Cells that Redis forgets are put in again; a result that comes twice is taken once. What is no answer to an
// open job leaves its cell open.
import { Queue, QueueEvents } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Attempt } from '../../../model/result/matrix.js';
import { within } from '../../../util/deadline.js';
import { LabError } from '../../../util/errors.js';
import { parseJson } from '../../../util/json.js';
import type { CellQueue, CellTask, OnNews } from '../../queue.js';
import { type Answer, type OpenJob, readAnswer } from '../answers.js';
import { removeBlob } from '../blobs.js';
import { MAX_CLOSE_MS, PREFIX } from '../connection.js';
import { readJob } from '../job.js';
import { type OfferedImage, progressBody } from '../messages.js';
import { jobId, matrixKey, queueName, teamOf } from '../names.js';
import { Offers } from './offers.js';
import { type OpenCell, OpenCells } from './open-cells.js';
import { Poller } from './poller.js';
import { ALIVE_SECONDS, WorkerWatch } from '../presence.js';
import { receive } from './receive.js';
import { answers } from '../seal/envelope.js';
import type { QueueKey } from '../seal/key.js';
import { Refusals } from '../seal/refusals.js';

/** Milliseconds between two polls, unless the caller says otherwise. */
const POLL_MS = 2000;
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
  pollMs?: number;
}

export class RedisQueue implements CellQueue {
  /** The connection for events: it blocks while it waits for them, so it can serve nothing else. */
  private readonly connection: Redis;
  private readonly queue: Queue;
  private readonly events: QueueEvents;
  private readonly cells = new OpenCells();
  private readonly offers: Offers;
  private readonly workers: WorkerWatch;
  private readonly team: string;
  readonly refusals: Refusals;
  private readonly poller: Poller;
  private polls = 0;
  private closed: Promise<void> | null = null;
  /** A server that was gone may have forgotten cells. */
  private readonly onBack = () => {
    this.polls = 0;
    this.poller.poll();
  };
  private readonly onAbort = () => this.cells.rejectAll(this.options.signal.reason as Error);

  constructor(private readonly options: RedisQueueOptions) {
    const { redis, identity, key, images, signal, note } = options;
    this.team = teamOf(identity, key);
    this.refusals = new Refusals(note);
    this.queue = new Queue(queueName(this.team), { connection: redis, prefix: PREFIX });
    this.connection = redis.duplicate();
    this.events = new QueueEvents(queueName(this.team), { connection: this.connection, prefix: PREFIX });
    this.poller = new Poller(
      options.pollMs ?? POLL_MS,
      () => redis.status === 'ready',
      () => this.pollOnce(),
    );
    const { queue, cells, refusals } = this;
    this.offers = new Offers({ redis, queue, key, images, cells, refusals, onPlaced: () => this.poller.poll() });
    // `redis` reports a lost connection. Any other error shows as a missing result, which the polls find.
    this.queue.on('error', () => undefined);
    this.events.on('error', () => undefined);
    this.events.on('completed', () => this.poller.poll());
    this.events.on('failed', () => this.poller.poll());
    this.events.on('progress', ({ jobId: id, data }) => this.progress(id, data));
    this.events.on('stalled', ({ jobId: id }) => this.news(id, { kind: 'waiting', why: 'its worker is gone' }));
    this.workers = new WorkerWatch(redis, this.team, note);
    signal.addEventListener('abort', this.onAbort, { once: true });
    redis.on('ready', this.onBack);
    this.poller.poll();
  }

  async submit(task: CellTask): Promise<Attempt> {
    this.options.signal.throwIfAborted();
    if (this.closed !== null) throw new LabError('the queue is closed');
    const cell = this.cells.add(jobId(task), task);
    void this.offers.put(cell);
    return cell.done.promise;
  }

  close(): Promise<void> {
    this.closed ??= this.end();
    return this.closed;
  }

  private async end(): Promise<void> {
    const { redis, signal } = this.options;
    this.poller.stop();
    signal.removeEventListener('abort', this.onAbort);
    redis.off('ready', this.onBack);
    this.cells.rejectAll(new LabError('the queue is closed'));
    const limit = { ms: MAX_CLOSE_MS, what: 'answer from Redis', whose: 'host' } as const;
    // Do not wait for a server that is gone: its keys expire.
    if (redis.status === 'ready') await within(this.takeBack(), limit).catch(() => undefined);
    await within(Promise.allSettled([this.queue.close(), this.events.close()]), limit).catch(() => undefined);
    this.connection.disconnect();
  }

  private async takeBack(): Promise<void> {
    await this.poller.idle();
    await this.offers.takeBack();
    await this.options.redis.del(matrixKey(this.options.matrix));
  }

  private news(id: string, news: Parameters<OnNews>[1]): void {
    const cell = this.cells.get(id);
    if (cell !== undefined) this.options.onNews(cell.task.cell.id, news);
  }

  private progress(id: string, data: unknown): void {
    const job = this.cells.get(id)?.job;
    if (job == null) return;
    const opened = this.options.key.open(data, { direction: 'progress', queue: this.queue.name });
    if (opened.kind === 'refused' || !answers(opened.head, job.head)) return;
    const message = parseJson(opened.body, progressBody);
    if (message === null) return;
    const { worker, text } = message;
    this.news(id, text === '' ? { kind: 'running', worker } : { kind: 'detail', text });
  }

  private async pollOnce(): Promise<void> {
    const { redis, matrix } = this.options;
    await redis.set(matrixKey(matrix), this.team, 'EX', ALIVE_SECONDS);
    const ended = await this.queue.getRanges(['completed', 'failed'], 0, -1);
    for (const id of new Set(ended)) {
      const cell = this.cells.get(id);
      if (cell !== undefined && cell.job !== null) await this.take(cell, cell.job);
    }
    if (this.polls++ % POLLS_PER_CHECK === 0) {
      await this.offers.putMissing();
      if (this.cells.all().length > 0) await this.workers.check();
    }
  }

  private async take(cell: OpenCell, open: OpenJob): Promise<void> {
    const { redis, key } = this.options;
    const job = await readJob(redis, this.queue.toKey(cell.id));
    if (job === undefined) return;
    const answer: Answer = job === null ? { kind: 'refused', why: 'it is no job' } : readAnswer(job, open, key);
    if (answer.kind === 'refused') return this.offers.putAgain(cell, answer.why);
    let attempt: Attempt;
    try {
      attempt = await receive(cell.task, answer, this.options);
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      return this.cells.reject(cell, error);
    }
    // The matrix stores the attempt before this queue continues. If it is killed in between, the folder of the run is
    // enough to find the attempt (orphans() in matrix/runner.ts).
    this.cells.resolve(cell, attempt);
    await this.offers.ended(cell.id);
    if (answer.kind === 'result' && answer.archive !== null) await removeBlob(redis, answer.archive);
  }
}
