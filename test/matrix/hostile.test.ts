// SPDX-License-Identifier: Apache-2.0
// Attacks through the queue, with a real redis-server and a peer in it that does not know the secret. The numbers are
// those of the review's findings.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { answerHead, type Sealed } from '../../src/matrix/redis/seal/envelope.js';
import { QueueKey } from '../../src/matrix/redis/seal/key.js';
import { temporaryFolder, until } from '../util/temporary.js';
import { diaryOf, runsIn, taskOf } from './fake-runner.js';
import { hostilePeer, idOf, sealedJob } from './hostile-peer.js';
import { openQueue, openWorker, SECRET } from './redis-rig.js';
import { RedisServer } from './redis-server.js';

const OTHER = new QueueKey('another secret that is long enough');
const OWN = new QueueKey(SECRET);

let server: RedisServer;
let dir: string;
beforeAll(async () => {
  server = await RedisServer.start();
}, 300_000);
afterAll(() => server.stop());
beforeEach(async (context) => {
  dir = temporaryFolder();
  const { redis } = hostilePeer(server.url, null);
  await redis.flushall();
  context.onTestFinished(() => redis.flushall().then(() => undefined));
});

const diary = () => join(dir, 'diary');
const begun = () => diaryOf(diary(), 'begins');
const results = () => join(dir, 'results');

async function worker(name: string, secret: string | null = SECRET) {
  const opened = await openWorker({ url: server.url, dir, secret }, name, 1);
  onTestFinished(() => opened.close());
  return opened;
}

async function matrix(secret: string | null = SECRET) {
  const opened = await openQueue({ url: server.url, dir, secret });
  onTestFinished(() => opened.close());
  return opened;
}

describe('S1: a job', () => {
  it.each([
    ['without a signature', new QueueKey(null), 'it is not signed'],
    ['signed with another secret', OTHER, 'its signature is wrong'],
  ])('%s is refused, said, and never run', async (_what, key, why) => {
    const { side, notes } = await worker('w');
    const { queue } = hostilePeer(server.url, SECRET);
    const task = taskOf('evil');
    await queue.add('cell', sealedJob(task, key, SECRET), { jobId: idOf(task) });
    await until('it is refused', () => side.refusals.count === 1);
    expect(notes).toContain(`refused job m1/evil-1/1: ${why} (1 refused so far)`);
    const good = taskOf('good');
    await queue.add('cell', sealedJob(good, OWN, SECRET), { jobId: idOf(good) });
    await until('a signed one is run', () => begun().length === 1);
    expect(begun()).toEqual(['good-1']);
  });

  it('that was signed, but changed on its way, is refused', async () => {
    const { side } = await worker('w');
    const { queue } = hostilePeer(server.url, SECRET);
    const task = taskOf('evil');
    const sealed = sealedJob(task, OWN, SECRET);
    const changed: Sealed[] = [
      { ...sealed, body: sealed.body.replace('"timeout":null', '"timeout":9') },
      { ...sealed, head: { ...sealed.head, attempt: 2 } },
      { ...sealed, head: { ...sealed.head, issuedAt: sealed.head.issuedAt + 1 } },
      { ...sealed, mac: `${sealed.mac?.startsWith('0') ? '1' : '0'}${sealed.mac?.slice(1)}` },
    ];
    for (const [n, data] of changed.entries()) await queue.add('cell', data, { jobId: `m1/evil-1/${n + 1}` });
    await until('all are refused', () => side.refusals.count === changed.length);
    expect(begun()).toEqual([]);
  });

  it('that ran before is refused when somebody puts it in again, also under another name', async () => {
    const { side, notes } = await worker('w');
    const { side: cells } = await matrix();
    const { queue } = hostilePeer(server.url, SECRET);
    const task = taskOf('c', { ms: 300 });
    const attempt = cells.submit(task);
    await until('it is begun', () => begun().length === 1);
    const seen = (await queue.getJob(idOf(task)))?.data as Sealed;
    expect(await attempt).toMatchObject({ outcome: 'preserved', worker: 'w' });
    await queue.add('cell', seen, { jobId: idOf(task) });
    await queue.add('cell', seen, { jobId: 'm1/c-1/2' });
    await until('both are refused', () => side.refusals.count === 2);
    expect(notes.filter((note) => note.includes('it was taken before'))).toHaveLength(1);
    expect(notes.filter((note) => note.includes('it is the job of another cell'))).toHaveLength(1);
    expect(begun()).toEqual(['c-1']);
  });

  it('that is nonsense or far too large costs the worker nothing', async () => {
    const { side } = await worker('w');
    const { queue } = hostilePeer(server.url, SECRET);
    const huge = OWN.seal(sealedJob(taskOf('h'), OWN, SECRET).head, 'x'.repeat(9 << 20));
    const nonsense: unknown[] = [null, 7, [], {}, { head: {}, body: 1, mac: null }, { task: taskOf('old') }, huge];
    const garbage = OWN.seal(sealedJob(taskOf('g'), OWN, SECRET).head, '{"task":{"matrix":"m1"}}');
    for (const [n, data] of nonsense.entries()) await queue.add('cell', data, { jobId: `n/${n}/1` });
    await queue.add('cell', garbage, { jobId: idOf(taskOf('g')) });
    await until('all are refused', () => side.refusals.count === nonsense.length + 1);
    const good = taskOf('good');
    await queue.add('cell', sealedJob(good, OWN, SECRET), { jobId: idOf(good) });
    await until('the next one is run', () => begun().length === 1);
    expect(begun()).toEqual(['good-1']);
  });

  it('of which Redis sends far too much costs the worker its connection, not its life', async () => {
    const { side, redis } = await worker('w');
    const { queue } = hostilePeer(server.url, SECRET);
    await queue.add('cell', { x: 'y'.repeat(20 << 20) }, { jobId: 'n/0/1' });
    const good = taskOf('good');
    await queue.add('cell', sealedJob(good, OWN, SECRET), { jobId: idOf(good) });
    await until('the next one is run', () => begun().length === 1);
    expect(begun()).toEqual(['good-1']);
    expect([side.refusals.count, redis.status]).toEqual([0, 'ready']);
  }, 60_000);

  it('without a secret on either side is run as one from anybody', async () => {
    const { side } = await matrix(null);
    await worker('w', null);
    const { run } = await side.submit(taskOf('c'));
    expect(readFileSync(join(results(), run as string, 'origin.json'), 'utf8')).toContain('"sender":"unsigned"');
  });
});

describe('S2: a result', () => {
  it('without a signature changes no verdict: the cell stays open for a worker that knows the secret', async () => {
    const { side, notes } = await matrix();
    const peer = hostilePeer(server.url, SECRET);
    const forged = await peer.answerWith(({ head, body }) => {
      const { task } = JSON.parse(body) as { task: { cell: { id: string } } };
      const attempt = { cell: task.cell.id, attempt: 1, run: null, outcome: 'panic', endsIn: 'none' };
      return { head: answerHead(head, 'result'), body: JSON.stringify({ attempt, archive: null }), mac: null };
    });
    const attempt = side.submit(taskOf('c'));
    await until('it is refused', () => side.refusals.count === 1);
    await forged.close(true);
    await worker('good');
    expect(await attempt).toMatchObject({ outcome: 'preserved', worker: 'good' });
    expect(notes).toContain('refused an answer to m1/c-1/1: it is not signed (1 refused so far)');
  });

  it('that was given before, for this or another cell, changes no verdict', async () => {
    const { side, notes } = await matrix();
    const peer = hostilePeer(server.url, SECRET);
    const seen: Sealed[] = [];
    const spy = setInterval(async () => {
      const job = await peer.queue.getJob('m1/a-1/1').catch(() => undefined);
      if (job?.returnvalue) seen.push(job.returnvalue as Sealed);
    }, 1);
    onTestFinished(() => clearInterval(spy));
    // As if the matrix were busy: its polls come late.
    const first = await worker('first');
    await side.submit(taskOf('a', { fails: true }));
    await until('the answer was seen', () => seen.length > 0);
    clearInterval(spy);
    await first.close();
    const replay = await peer.answerWith(() => seen[0]);
    const attempts = [side.submit(taskOf('b')), side.submit(taskOf('a', {}, { attempt: 2 }))];
    await until('both are refused', () => side.refusals.count >= 2);
    await replay.close(true);
    await worker('good');
    expect(await Promise.all(attempts)).toMatchObject([
      { cell: 'b-1', outcome: 'preserved', worker: 'good' },
      { cell: 'a-1', attempt: 2, outcome: 'preserved', worker: 'good' },
    ]);
    expect(notes.filter((note) => note.includes('it answers another job, or an earlier one')).length).toBeGreaterThan(
      1,
    );
  });

  it.each([
    ['a changed scenario', { text: 'machine: {qemuArgs: [-drive, file=/dev/sda]}\n' }, /another scenario/],
    ['other kernels', { kernels: ['7.2.12', '/tmp/evil.yaml'] }, /other kernels/],
    ['the run of another cell', { cell: 'other-1' }, /belongs to another cell/],
  ])('with %s is no verdict, also with a signature, and nothing of it stays', async (_what, lies, said) => {
    const { side } = await matrix();
    await worker('liar');
    expect(await side.submit(taskOf('c', { lies }))).toMatchObject({
      outcome: 'infra',
      run: null,
      worker: 'liar',
      title: expect.stringMatching(said),
    });
    expect(runsIn(results())).toEqual([]);
  });

  it('with nothing to show for its outcome is no verdict', async () => {
    const { side } = await matrix(null);
    const peer = hostilePeer(server.url, null);
    await peer.answerWith(({ head, body }) => {
      const attempt = {
        cell: head.cell,
        attempt: 1,
        run: null,
        outcome: 'panic',
        endsIn: 'none',
        asExpected: false,
        title: 'x',
        without: [],
        rung: null,
        ms: 1,
        startedAt: '',
        worker: 'evil',
      };
      const answer = { job: sha256(body), attempt, archive: null };
      return new QueueKey(null).seal(answerHead(head, 'result'), JSON.stringify(answer));
    });
    expect(await side.submit(taskOf('c'))).toMatchObject({
      outcome: 'infra',
      title: 'the worker said panic without a run to show for it',
    });
  });

  it.each([
    ['far too much', { returnvalue: 'x'.repeat(20 << 20) }, ['preserved']],
    ['no JSON', { returnvalue: '{"head":', opts: '[', stacktrace: '{', data: ']' }, ['preserved']],
    ['no hash at all', null, ['preserved', 'infra']],
  ])(
    'that is %s costs the matrix nothing',
    async (_what, fields, outcomes) => {
      const { side } = await matrix();
      const { queue, redis } = hostilePeer(server.url, SECRET);
      const attempt = side.submit(taskOf('c'));
      const key = queue.toKey('m1/c-1/1');
      while ((await redis.exists(key)) === 0);
      if (fields === null) await redis.set(key, 'x'.repeat(1000));
      else await redis.hset(key, fields);
      await redis.zadd(queue.toKey('completed'), 1, 'm1/c-1/1');
      await until('it is refused', () => side.refusals.count > 0);
      await worker('good');
      expect(outcomes).toContain((await attempt).outcome);
      expect(await side.submit(taskOf('next'))).toMatchObject({ outcome: 'preserved' });
    },
    60_000,
  );

  it('that stays invalid ends the cell as infra', async () => {
    const { side } = await matrix();
    await hostilePeer(server.url, SECRET).answerWith(() => 'nonsense', 3);
    expect(await side.submit(taskOf('c'))).toMatchObject({
      outcome: 'infra',
      title: 'no valid answer in 3 tries; the last: it is no message of this lab',
    });
  });

  it('that is fetched says where it came from', async () => {
    const { side } = await matrix();
    await worker('w');
    const { run } = await side.submit(taskOf('c'));
    const origin = join(results(), run as string, 'origin.json');
    expect(existsSync(origin) && JSON.parse(readFileSync(origin, 'utf8'))).toEqual({
      from: 'worker',
      worker: 'w',
      sender: 'signed',
    });
  });
});

it('S1: a matrix finds its place taken by a job that is not its own, and takes it back', async () => {
  const peer = hostilePeer(server.url, SECRET);
  const task = taskOf('c');
  await peer.queue.add('cell', sealedJob(task, OTHER, SECRET), { jobId: idOf(task) });
  const { side, notes } = await matrix();
  const attempt = side.submit(task);
  await until('it is noticed', () => notes.some((note) => note.includes('refused a job in the place of m1/c-1/1')));
  await worker('w');
  expect(await attempt).toMatchObject({ outcome: 'preserved', worker: 'w' });
}, 60_000);

it('S1: those with different secrets never meet, and both are told', async () => {
  const early = await worker('early', 'yet another secret, long enough for it');
  const { side, notes } = await matrix();
  const attempt = side.submit(taskOf('c'));
  await until(
    'the matrix says so',
    () => notes.includes('worker early gets no cells: it has another LAB_QUEUE_SECRET or none'),
    30_000,
  );
  await expect(openWorker({ url: server.url, dir, secret: null }, 'late')).rejects.toMatchObject({
    name: 'UsageError',
    message: expect.stringContaining('it has another LAB_QUEUE_SECRET or none'),
  });
  await worker('right');
  expect(await attempt).toMatchObject({ worker: 'right' });
  expect(early.side.refusals.count).toBe(0);
}, 60_000);

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
