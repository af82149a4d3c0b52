// SPDX-License-Identifier: Apache-2.0
// What only a queue over several processes can get wrong, each with a real redis-server and real processes that are
// really killed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { until } from '../util/temporary.js';
import { diaryOf, runsIn, taskOf } from './fake-runner.js';
import { IDENTITY, openQueue, openWorker } from './redis-rig.js';
import { RedisServer } from './redis-server.js';
import { spawnWorker } from './spawn-worker.js';

let redis: RedisServer;
let dir: string;
beforeEach(async (context) => {
  redis = await RedisServer.start();
  // The last thing that goes.
  context.onTestFinished(() => redis.stop());
  dir = mkdtempSync(join(tmpdir(), 'lab-test-'));
  context.onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
}, 300_000);

const rig = () => ({ url: redis.url, dir });
const diary = () => join(dir, 'diary');
const results = () => join(dir, 'results');
const ids = (names: readonly string[]) => names.map((name) => `${name}-1`).sort();

function child(name: string, jobs = 2): ChildProcess {
  const process = spawnWorker(rig(), name, jobs);
  onTestFinished(() => void process.kill('SIGKILL'));
  return process;
}

async function queue(matrix = 'm1') {
  const opened = await openQueue({ ...rig(), matrix });
  onTestFinished(() => opened.close());
  return opened;
}

async function worker(name: string, jobs = 2) {
  const opened = await openWorker(rig(), name, jobs);
  onTestFinished(() => opened.close());
  return opened;
}

it('a worker that is killed in the middle loses no cell and doubles none', async () => {
  const { side } = await queue();
  const doomed = child('doomed');
  const names = Array.from({ length: 8 }, (_, n) => `c${n}`);
  const attempts = Promise.all(names.map((name) => side.submit(taskOf(name, { ms: 400 }))));
  await until(
    'it has ended some and begun others',
    () => diaryOf(diary(), 'begins').length >= 4 && diaryOf(diary(), 'ended').length >= 2,
  );
  doomed.kill('SIGKILL');
  await worker('next');
  expect((await attempts).map(({ outcome }) => outcome)).toEqual(names.map(() => 'preserved'));
  expect(new Set((await attempts).map(({ worker: by }) => by))).toEqual(new Set(['doomed', 'next']));
  expect(runsIn(results())).toEqual(ids(names));
}, 60_000);

it("a worker that only seemed dead is not believed once its cell is another's", async () => {
  const { side } = await queue();
  const sleeper = child('sleeper', 1);
  const attempt = side.submit(taskOf('c', { ms: 2500 }));
  await until('it has begun', () => diaryOf(diary(), 'begins').length === 1);
  sleeper.kill('SIGSTOP');
  await worker('next');
  await until('another takes it over', () => diaryOf(diary(), 'begins').length === 2);
  sleeper.kill('SIGCONT');
  expect(await attempt).toMatchObject({ outcome: 'preserved', worker: 'next' });
  expect(runsIn(results())).toEqual(['c-1']);
}, 60_000);

it.each([
  ['with all it had', false],
  ['with nothing', true],
])(
  'a Redis that is gone and comes back %s costs no cell',
  async (_how, forget) => {
    const { side, notes } = await queue();
    const hand = await worker('hand', 1);
    const names = Array.from({ length: 6 }, (_, n) => `c${n}`);
    const attempts = Promise.all(names.map((name) => side.submit(taskOf(name, { ms: 300 }))));
    await until('a cell has ended', () => diaryOf(diary(), 'ended').length >= 1);
    await redis.kill({ forget });
    await until('it is said', () => notes.some((note) => note.includes('is gone')));
    await redis.begin();
    expect((await attempts).map(({ outcome }) => outcome)).toEqual(names.map(() => 'preserved'));
    expect(runsIn(results())).toEqual(ids(names));
    expect(notes).toContain('back');
    expect(hand.notes.some((note) => note.includes('is gone'))).toBe(true);
  },
  60_000,
);

it('a matrix that is killed finds what was done meanwhile, and has nothing run twice', async () => {
  const first = await openQueue(rig());
  const names = ['a', 'b', 'c', 'd'];
  for (const name of names) first.side.submit(taskOf(name, { ms: 100 })).catch(() => undefined);
  for (const name of names) while ((await first.redis.exists(`lab:cells-${IDENTITY}:m1/${name}-1/1`)) === 0);
  // As SIGKILL leaves it: no goodbye to Redis.
  first.redis.disconnect();
  await worker('hand');
  await until('the worker does them', () => diaryOf(diary(), 'ended').length === 4);
  const { side } = await queue();
  const attempts = await Promise.all(names.map((name) => side.submit(taskOf(name, { ms: 100 }))));
  expect(attempts.map(({ cell }) => cell)).toEqual(ids(names));
  expect(diaryOf(diary(), 'begins')).toEqual(ids(names));
  expect(runsIn(results())).toEqual(ids(names));
  await first.close();
}, 60_000);

it('two matrices at once on one queue each have their own', async () => {
  const [one, two] = [await queue('m1'), await queue('m2')];
  await worker('hand', 2);
  const attempts = await Promise.all(
    [one, two, one, two].map(({ side }, n) =>
      side.submit(taskOf(`c${n >> 1}`, {}, { matrix: n % 2 === 0 ? 'm1' : 'm2' })),
    ),
  );
  expect(attempts.map(({ run }) => run?.slice(0, 5))).toEqual(['m1-c0', 'm2-c0', 'm1-c1', 'm2-c1']);
  expect(runsIn(results())).toEqual(['c0-1', 'c0-1', 'c1-1', 'c1-1']);
});

it('a worker of another lab is refused clearly, and given nothing', async () => {
  const early = await openWorker({ ...rig(), identity: '0.0.9+old' }, 'early');
  onTestFinished(() => early.close());
  const { side, notes } = await queue();
  const attempt = side.submit(taskOf('c'));
  await until(
    'the matrix says so',
    () => notes.some((note) => note === `worker early gets no cells: it is of lab 0.0.9+old, this is lab ${IDENTITY}`),
    30_000,
  );
  await expect(openWorker({ ...rig(), identity: '0.2.0+new' }, 'late')).rejects.toMatchObject({
    name: 'UsageError',
    message: expect.stringContaining(
      `gets no cells of matrix m1 on this queue: it is of lab ${IDENTITY}, this is lab 0.2.0+new`,
    ),
  });
  await until(
    'the early one says so too',
    () => early.notes.some((note) => note.includes('takes no cells of matrix m1')),
    30_000,
  );
  expect(diaryOf(diary(), 'begins')).toEqual([]);
  await worker('right');
  expect(await attempt).toMatchObject({ worker: 'right' });
}, 60_000);

it('a worker that is stopped gives back what it has begun, at once', async () => {
  const { side } = await queue();
  const leaving = await worker('leaving', 1);
  const attempt = side.submit(taskOf('c', { ms: 1500 }));
  await until('it has begun', () => diaryOf(diary(), 'begins').length === 1);
  await leaving.close();
  const began = performance.now();
  await worker('next', 1);
  await until('another has it', () => diaryOf(diary(), 'begins').length === 2);
  expect(performance.now() - began).toBeLessThan(1000);
  expect(await attempt).toMatchObject({ worker: 'next' });
  expect(runsIn(results())).toEqual(['c-1']);
});

it("a result that did not come whole is the lab's failure, and nothing of it stays", async () => {
  const { side, redis: client } = await queue();
  const attempt = side.submit(taskOf('c', { ms: 1000 }));
  await worker('hand', 1);
  await until('it has begun', () => diaryOf(diary(), 'begins').length === 1);
  // Pieces are swapped for others as soon as they are there.
  const spoil = setInterval(
    () => void client.set('lab:result:m1/c-1/1:hand:0', 'no gzip', 'XX').catch(() => undefined),
    1,
  );
  onTestFinished(() => clearInterval(spoil));
  expect(await attempt).toMatchObject({
    outcome: 'infra',
    run: null,
    title: expect.stringContaining('has changed in Redis'),
  });
  expect(runsIn(results())).toEqual([]);
});

it('what is no cell is refused by the worker', async () => {
  const { side, redis: client } = await queue();
  await worker('hand', 1);
  const attempt = side.submit({ ...taskOf('c'), attempt: 0 });
  expect(await attempt).toMatchObject({ outcome: 'infra', title: expect.stringContaining('this is not a cell') });
  expect(await client.ping()).toBe('PONG');
});

it('no Redis is said with its address, without the password', async () => {
  await redis.kill();
  writeFileSync(diary(), '');
  await expect(
    openQueue({ ...rig(), url: redis.url.replace('://', '://user:secret@'), connectMs: 300 }),
  ).rejects.toMatchObject({
    message: expect.not.stringContaining('secret'),
    hint: expect.stringContaining('redis-server'),
  });
  await expect(openQueue({ ...rig(), url: 'http://x' })).rejects.toThrow(/expected the address of a Redis server/);
}, 30_000);
