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
import { parseJson } from '../../util/json.js';
import { printable } from '../../util/text/escape.js';
import type { CellQueue, CellTask, OnNews } from '../queue.js';
import { REFUSED, sha256Of } from './answers.js';
import { putBlob } from './blobs.js';
import { MAX_CLOSE_MS, PREFIX } from './connection.js';
import { answerHead, type Head, type Sealed } from './seal/envelope.js';
import type { QueueKey } from './seal/key.js';
import { jobBody, type OfferedImage, type ResultBody } from './messages.js';
import { KEPT_SECONDS, queueName, resultKey, teamOf, workerKey } from './names.js';
import { SeenNonces } from './seal/nonces.js';
import { ALIVE_SECONDS, differenceOf, matricesOn } from './presence.js';
import { Refusals } from './seal/refusals.js';

/** Milliseconds between two renewals of the worker's key, unless the caller says otherwise. */
const RENEW_MS = 5000;
/** Milliseconds between two progress messages of one cell. */
const PROGRESS_MS = 1000;
/** Matrices of others that are spoken of. */
const MAX_NOTED = 100;
/** After this many dead workers a cell gets the outcome `infra`. */
const MAX_DEATHS = 3;

export interface RedisWorkerOptions {
  redis: Redis;
  identity: string;
  /** Checks what comes in, and signs what goes back. */
  key: QueueKey;
  worker: string;
  /** Number of cells that run at once. */
  jobs: number;
  /** Folder of the runs until they have been sent. */
  results: string;
  /** Opens the queue that runs the cells on this host. */
  local: (onNews: OnNews) => CellQueue;
  /** Fetches a kernel that this host lacks. Only a signed job can offer one. */
  fetchImage: (image: OfferedImage) => Promise<void>;
  note: (text: string) => void;
  signal: AbortSignal;
  /** Milliseconds after which a silent worker loses its cell, and between two checks for that. */
  lock?: { duration: number; interval: number };
  renewMs?: number;
}

export class RedisWorker {
  private readonly connection: Redis;
  private readonly worker: Worker;
  private readonly local: CellQueue;
  private readonly timer: NodeJS.Timeout;
  private readonly progressSenders = new Map<string, (text: string, at: number) => void>();
  private readonly noted = new Set<string>();
  private readonly failure: Deferred<never> = deferred();
  private readonly team: string;
  private readonly nonces = new SeenNonces();
  readonly refusals: Refusals;
  private closed: Promise<void> | null = null;

  private constructor(private readonly options: RedisWorkerOptions) {
    const { redis, identity, key, jobs, worker, lock, note } = options;
    this.team = teamOf(identity, key);
    this.refusals = new Refusals(note);
    this.local = options.local((cell, news) => {
      if (news.kind === 'running') this.progressSenders.get(cell)?.('', 0);
      else if (news.kind === 'detail') this.progressSenders.get(cell)?.(news.text, performance.now());
    });
    this.connection = redis.duplicate();
    this.worker = new Worker(queueName(this.team), (job, token) => this.process(job, token), {
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
    this.worker.on('error', (error) => {
      if (error.message.includes('NOPERM'))
        this.failure.reject(
          new LabError(`Redis refuses this user: ${printable(error.message, 300)}`, {
            hint: 'give the user the rights that docs/matrix.md lists',
          }),
        );
    });
    this.failure.promise.catch(() => undefined);
    this.timer = setInterval(() => void this.renew().catch(() => undefined), options.renewMs ?? RENEW_MS);
  }

  /** Throws a UsageError if all matrices on the queue belong to another lab. */
  static async open(options: RedisWorkerOptions): Promise<RedisWorker> {
    const { redis, identity, key } = options;
    const team = teamOf(identity, key);
    const matrices = await matricesOn(redis);
    const [other] = matrices.filter((each) => each.team !== team);
    if (other !== undefined && !matrices.some((each) => each.team === team)) {
      throw new UsageError(
        `this worker gets no cells of matrix ${other.id} on this queue: ${differenceOf(other.team, team)}`,
        { hint: 'start the worker from the same version of the lab, and with the same LAB_QUEUE_SECRET' },
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

  private async process(job: Job, token: string | undefined): Promise<Sealed> {
    const { worker, key, fetchImage } = this.options;
    const { head, body, task, images } = this.check(job);
    let last = -Infinity;
    this.progressSenders.set(task.cell.id, (text, at) => {
      if (text !== '' && at - last < PROGRESS_MS) return;
      last = at;
      const sealed = key.seal(answerHead(head, 'progress'), JSON.stringify({ worker, text: text.slice(0, 200) }));
      job.updateProgress(sealed).catch(() => undefined);
    });
    try {
      if (task.origin === 'signed') for (const image of images) await fetchImage(image);
      const report = { job: sha256Of(body), ...(await this.perform(task, job.id as string)) };
      return key.seal(answerHead(head, 'result'), JSON.stringify(report));
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

  /** Throws if the job is not one that this worker may take; then nothing of it is used. */
  private check(job: Job): { head: Head; body: string; task: CellTask; images: OfferedImage[] } {
    const refuse = (why: string): never => {
      this.refusals.add(`job ${job.id}`, why);
      throw new Error(`${REFUSED}${why}`);
    };
    const opened = this.options.key.open(job.data, { direction: 'job', queue: this.worker.name });
    if (opened.kind === 'refused') return refuse(opened.why);
    const { head, body } = opened;
    if (`${head.matrix}/${head.cell}/${head.attempt}` !== job.id) return refuse('it is the job of another cell');
    const used = this.nonces.use(head.nonce, head.issuedAt);
    if (used !== null) return refuse(used);
    const checked = parseJson(body, jobBody);
    if (checked === null) return refuse('this is not a cell');
    const { task, images } = checked;
    if (task.matrix !== head.matrix || task.cell.id !== head.cell || task.attempt !== head.attempt)
      return refuse('it holds the task of another cell');
    return { head, body, task: { ...task, origin: opened.kind }, images };
  }

  private async perform(task: CellTask, id: string): Promise<Omit<ResultBody, 'job'>> {
    const { redis, worker, results } = this.options;
    const attempt = await this.local.submit(task);
    if (attempt.run === null) return { attempt, archive: null };
    const folder = join(results, attempt.run);
    try {
      return { attempt, archive: await putBlob(redis, resultKey(id, worker), packRun(folder), KEPT_SECONDS) };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  private async renew(): Promise<void> {
    const { redis, worker, note } = this.options;
    if (redis.status !== 'ready') return;
    await redis.set(workerKey(worker), this.team, 'EX', ALIVE_SECONDS);
    for (const { id, team } of await matricesOn(redis)) {
      if (team === this.team || this.noted.has(id) || this.noted.size >= MAX_NOTED) continue;
      this.noted.add(id);
      note(`this worker takes no cells of matrix ${id}: ${differenceOf(team, this.team)}`);
    }
  }
}
