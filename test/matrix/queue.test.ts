// SPDX-License-Identifier: Apache-2.0
// The contract of a queue of cells (src/matrix/queue.ts), the same for cells that run here and for those that go
// through a real Redis.
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { CellPool } from '../../src/matrix/process/pool.js';
import { LocalQueue } from '../../src/matrix/local-queue.js';
import type { CellNews, CellQueue, OnNews } from '../../src/matrix/queue.js';
import { programOf } from '../util/program.js';
import { temporaryFolder, until } from '../util/temporary.js';
import { diaryOf, fakeRunner, mostAtOnce, runsIn, taskOf } from './fake-runner.js';
import { openQueue, openWorker } from './redis-rig.js';
import { RedisServer } from './redis-server.js';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
}, 300_000);
afterAll(() => redis.stop());

interface Opened {
  queue: CellQueue;
  results: string;
  diary: string;
}

type Open = (options: { jobs: number; memory?: number; onNews?: OnNews; signal?: AbortSignal }) => Promise<Opened>;

const local: Open = async ({
  jobs,
  memory = 1 << 30,
  onNews = () => undefined,
  signal = new AbortController().signal,
}) => {
  const dir = temporaryFolder();
  const results = join(dir, 'results');
  mkdirSync(results);
  const diary = join(dir, 'diary');
  const free = { fd: -1, release: () => undefined };
  const queue = new LocalQueue({
    runCell: fakeRunner(results, 'here:1', diary),
    capacity: { jobs, memory, note: null },
    acquireSlot: async () => free,
    worker: 'here:1',
    onNews,
    signal,
  });
  onTestFinished(() => queue.close());
  return { queue, results, diary };
};

const CELL = await programOf(join(import.meta.dirname, 'process/fake-cell.ts'));

const own: Open = async ({ jobs, memory = 1 << 30, onNews = () => undefined, ...options }) => {
  const dir = temporaryFolder();
  const results = join(dir, 'results');
  mkdirSync(results);
  const diary = join(dir, 'diary');
  const pool = new CellPool({
    argv: [...CELL, diary],
    accel: 'tcg',
    results,
    worker: 'here:1',
    trust: false,
    onCrash: ({ cell }, log) => expect.unreachable(`${cell.id}: ${log}`),
  });
  const queue = new LocalQueue({
    runCell: pool.run,
    end: () => pool.close(),
    capacity: { jobs, memory, note: null },
    acquireSlot: async () => ({ fd: -1, release: () => undefined }),
    worker: 'here:1',
    onNews,
    signal: options.signal ?? new AbortController().signal,
  });
  onTestFinished(() => queue.close());
  return { queue, results, diary };
};

let rigs = 0;
const remote: Open = async ({ jobs, memory, ...options }) => {
  const rig = { url: redis.url, dir: temporaryFolder(), identity: `rig-${rigs++}`, ...options };
  const coordinator = await openQueue(rig);
  const worker = await openWorker({ ...rig, signal: new AbortController().signal }, 'there:1', jobs, memory);
  onTestFinished(async () => {
    await coordinator.close();
    await worker.close();
  });
  return { queue: coordinator.side, results: join(rig.dir, 'results'), diary: join(rig.dir, 'diary') };
};

describe.each<[string, Open]>([
  ['in this process', local],
  ['in processes of their own', own],
  ['in Redis', remote],
])('a queue %s', (_name, open) => {
  it('runs every cell once, and each promise has its own outcome', async () => {
    const { queue, results, diary } = await open({ jobs: 3 });
    const names = Array.from({ length: 20 }, (_, n) => `c${n}`);
    const attempts = await Promise.all(names.map((name) => queue.submit(taskOf(name))));
    expect(attempts.map(({ cell }) => cell)).toEqual(names.map((name) => `${name}-1`));
    expect(
      attempts.every(({ outcome, run }) => outcome === 'preserved' && run !== null && existsSync(join(results, run))),
    ).toBe(true);
    expect(runsIn(results)).toEqual(names.map((name) => `${name}-1`).sort());
    expect(diaryOf(diary, 'begins')).toEqual(names.map((name) => `${name}-1`).sort());
  });

  it('runs no more at once than it may, and tells who is at what', async () => {
    const seen: CellNews[] = [];
    const { queue, diary } = await open({ jobs: 2, onNews: (_cell, news) => seen.push(news) });
    // A slow host may start the second process late.
    await Promise.all(Array.from({ length: 6 }, (_, n) => queue.submit(taskOf(`c${n}`, { ms: 100, begun: 2 }))));
    expect(mostAtOnce(diary)).toBe(2);
    expect(seen).toContainEqual({ kind: 'running', worker: expect.stringMatching(/^(here|there):1$/) });
  });

  it('lets a machine in only where its memory fits', async () => {
    const { queue } = await open({ jobs: 2, memory: 1 << 30 });
    expect(await queue.submit(taskOf('large', {}, { memory: 2 ** 40 }))).toMatchObject({
      outcome: 'infra',
      run: null,
      title: expect.stringMatching(/^needs 1024\.\d GiB of memory; machines may have 1 GiB here$/),
    });
    expect(await queue.submit(taskOf('small'))).toMatchObject({ outcome: 'preserved' });
  });

  it('brings back what the lab failed at', async () => {
    const { queue, results } = await open({ jobs: 1 });
    expect(await queue.submit(taskOf('bad', { fails: true }))).toMatchObject({
      cell: 'bad-1',
      attempt: 1,
      run: null,
      outcome: 'infra',
      title: 'the machine did not start',
    });
    expect(await queue.submit(taskOf('bad', {}, { attempt: 2 }))).toMatchObject({ attempt: 2, outcome: 'preserved' });
    expect(runsIn(results)).toEqual(['bad-1']);
  });

  it('brings a large result back whole', async () => {
    const { queue, results } = await open({ jobs: 1 });
    const { run } = await queue.submit(taskOf('long', { console: 12 << 20 }));
    const folder = join(results, run as string);
    expect(readFileSync(join(folder, 'console.log')).equals(Buffer.alloc(12 << 20, 'console '))).toBe(true);
    expect(
      readdirSync(folder)
        .filter((name) => name !== 'origin.json')
        .sort(),
    ).toEqual([
      'agent.jsonl',
      'cell.json',
      'console.log',
      'events.jsonl',
      'qemu.txt',
      'qmp.jsonl',
      'result.json',
      'scenario.yaml',
    ]);
  });

  it('that is closed ends all that waits, takes nothing more, and leaves nothing half-written', async () => {
    const { queue, results, diary } = await open({ jobs: 1 });
    const waiting = [taskOf('a', { ms: 20_000 }), taskOf('b'), taskOf('c')].map((task) =>
      queue.submit(task).then(
        () => 'run',
        (error: Error) => error.message,
      ),
    );
    await until('the first has begun', () => diaryOf(diary, 'begins').length === 1);
    await queue.close();
    await queue.close();
    expect(await Promise.all(waiting)).toEqual(['the queue is closed', 'the queue is closed', 'the queue is closed']);
    await expect(queue.submit(taskOf('d'))).rejects.toThrow('the queue is closed');
    expect(runsIn(results)).toEqual([]);
    expect(diaryOf(diary, 'begins')).toEqual(['a-1']);
  });

  it('that is aborted says why', async () => {
    const stop = new AbortController();
    const { queue, diary } = await open({ jobs: 1, signal: stop.signal });
    const waiting = [taskOf('a', { ms: 20_000 }), taskOf('b')].map((task) =>
      queue.submit(task).catch((error: Error) => error.message),
    );
    await until('the first has begun', () => diaryOf(diary, 'begins').length === 1);
    stop.abort(new Error('interrupted'));
    expect(await Promise.all(waiting)).toEqual(['interrupted', 'interrupted']);
    await expect(queue.submit(taskOf('c'))).rejects.toThrow('interrupted');
  });
});
