// SPDX-License-Identifier: Apache-2.0
// Redis with TLS and users: a real redis-server with certificates that are made here, and the user that the docs give.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { temporaryFolder, until } from '../util/temporary.js';
import { diaryOf, runsIn, taskOf } from './fake-runner.js';
import { openQueue, openWorker, SECRET } from './redis-rig.js';
import { freePort } from '../../src/measure/endurance/server.js';
import { RedisServer } from './redis-server.js';

/** Characters that an address can hold only as codes. */
const PASSWORD = 'p@ss:w/rd?%#';
const never = new AbortController().signal;

let dir: string;
let server: RedisServer;
let port: number;
const certificate = (name: string) => join(dir, `${name}.pem`);
const address = (user: string, password: string) =>
  `rediss://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}`;

/** A certificate that signs itself. */
function makeCertificate(name: string, host: string): void {
  const more = ['-addext', `subjectAltName=${host}`, '-days', '2', '-nodes', '-subj', `/CN=${name}`];
  const files = ['-keyout', join(dir, `${name}.key`), '-out', certificate(name)];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...files, ...more], { stdio: 'ignore' });
}

/** The user of docs/matrix.md. */
function documentedUser(): string[] {
  const docs = readFileSync(join(import.meta.dirname, '../../docs/matrix.md'), 'utf8');
  const [, block = ''] = /```\nACL (SETUSER lab [^`]*)```/.exec(docs) ?? [];
  return block.replace('>PASSWORD', `>${PASSWORD}`).trim().split(/\s+/);
}

async function setUser(words: readonly string[]): Promise<void> {
  const admin = new Redis(server.url);
  await admin.call('ACL', ...words);
  await admin.quit();
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'lab-tls-'));
  makeCertificate('server', 'IP:127.0.0.1');
  makeCertificate('other', 'IP:127.0.0.1');
  port = await freePort();
  const files = ['--tls-cert-file', certificate('server'), '--tls-key-file', join(dir, 'server.key')];
  server = await RedisServer.start([
    '--tls-port',
    String(port),
    ...files,
    '--tls-ca-cert-file',
    certificate('server'),
    '--tls-auth-clients',
    'no',
  ]);
  await setUser(documentedUser());
}, 300_000);
afterAll(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});
afterEach(() => void vi.unstubAllEnvs());

it('cells run over TLS, as the user with the rights that the docs list', async () => {
  vi.stubEnv('LAB_QUEUE_CA', certificate('server'));
  const rig = { url: address('lab', PASSWORD), dir: temporaryFolder(), secret: SECRET };
  const worker = await openWorker(rig, 'w');
  onTestFinished(() => worker.close());
  const queue = await openQueue(rig);
  onTestFinished(() => queue.close());
  const attempts = await Promise.all(['a', 'b', 'c'].map((name) => queue.side.submit(taskOf(name, { ms: 50 }))));
  expect(attempts.map(({ outcome }) => outcome)).toEqual(['preserved', 'preserved', 'preserved']);
  expect(runsIn(join(rig.dir, 'results'))).toEqual(['a-1', 'b-1', 'c-1']);
  // A cell that goes back to the queue needs further rights.
  const held = queue.side.submit(taskOf('held', { ms: 700 }));
  await until('it is begun', () => diaryOf(join(rig.dir, 'diary'), 'begins').length === 4);
  await worker.close();
  const next = await openWorker(rig, 'next');
  onTestFinished(() => next.close());
  expect(await held).toMatchObject({ outcome: 'preserved' });
  const admin = new Redis(server.url);
  expect(await admin.call('ACL', 'LOG')).toEqual([]);
  await admin.quit();
}, 60_000);

it('that user reaches nothing else', async () => {
  const user = new Redis(`redis://lab:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}`);
  onTestFinished(() => user.disconnect());
  await expect(user.get('other')).rejects.toThrow(/NOPERM/);
  await expect(user.config('GET', '*')).rejects.toThrow(/NOPERM/);
  await expect(user.flushall()).rejects.toThrow(/NOPERM/);
  const admin = new Redis(server.url);
  await admin.call('ACL', 'LOG', 'RESET');
  await admin.quit();
});

it.each([
  ['without the certificate', () => undefined],
  ['with the certificate of another', () => certificate('other')],
])('a server is not believed %s', async (_what, ca) => {
  vi.stubEnv('LAB_QUEUE_CA', ca());
  await expect(openQueue({ url: address('lab', PASSWORD), dir: temporaryFolder() })).rejects.toMatchObject({
    name: 'LabError',
    message: expect.stringMatching(/^no Redis at rediss:\/\/127\.0\.0\.1:\d+: .*certificate/i),
    hint: 'name the certificate that signed it: LAB_QUEUE_CA=FILE.pem',
  });
});

it('a server with the certificate of another name is not believed', async () => {
  vi.stubEnv('LAB_QUEUE_CA', certificate('server'));
  const url = address('lab', PASSWORD).replace('127.0.0.1', 'localhost');
  await expect(openQueue({ url, dir: temporaryFolder() })).rejects.toThrow(/altnames/);
});

it('a wrong password is said at once, and not shown', async () => {
  vi.stubEnv('LAB_QUEUE_CA', certificate('server'));
  const began = performance.now();
  const failed = openQueue({ url: address('lab', 'wrong-word'), dir: temporaryFolder() });
  await expect(failed).rejects.toMatchObject({
    message: expect.stringMatching(/^no Redis at rediss:\/\/127\.0\.0\.1:\d+: WRONGPASS/),
    hint: expect.stringContaining('redis://USER:PASSWORD@'),
  });
  await expect(failed).rejects.toMatchObject({ message: expect.not.stringContaining('wrong-word') });
  expect(performance.now() - began).toBeLessThan(4000);
});

it('a user with too few rights is told what is missing', async () => {
  await setUser(['SETUSER', 'poor', 'on', '>poor', '~lab:*', '-@all', '+hello', '+ping', '+info', '+scan', '+set']);
  vi.stubEnv('LAB_QUEUE_CA', certificate('server'));
  const rig = { url: address('poor', 'poor'), dir: temporaryFolder(), signal: never };
  const worker = await openWorker(rig, 'w');
  onTestFinished(() => worker.close());
  await expect(worker.side.run()).rejects.toMatchObject({
    message: expect.stringContaining('NOPERM'),
    hint: 'give the user the rights that docs/matrix.md lists',
  });
});

it('LAB_QUEUE_CA with an address without TLS is refused', async () => {
  vi.stubEnv('LAB_QUEUE_CA', certificate('server'));
  await expect(openQueue({ url: server.url, dir: temporaryFolder() })).rejects.toThrow(/redis:\/\/ uses no TLS/);
  vi.stubEnv('LAB_QUEUE_CA', '/nonexistent');
  await expect(openQueue({ url: address('lab', 'x'), dir: temporaryFolder() })).rejects.toThrow(/cannot be read/);
});
