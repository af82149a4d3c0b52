// SPDX-License-Identifier: Apache-2.0
// The secret of a queue, and what it signs (S1).
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Head, Sealed } from '../../../../src/matrix/redis/seal/envelope.js';
import { QueueKey, takeQueueKey } from '../../../../src/matrix/redis/seal/key.js';
import { SeenNonces } from '../../../../src/matrix/redis/seal/nonces.js';
import { Refusals } from '../../../../src/matrix/redis/seal/refusals.js';
import { temporaryFolder } from '../../../util/temporary.js';

const SECRET = '0123456789abcdef0123456789abcdef';
const HEAD: Head = { direction: 'job', queue: 'q', matrix: 'm1', cell: 'c-1', attempt: 1, nonce: 'aa', issuedAt: 1000 };
const JOB = { direction: 'job', queue: 'q' } as const;

describe('the secret', () => {
  it('is taken out of the environment, so that no child gets it', () => {
    const env = { LAB_QUEUE_SECRET: SECRET, PATH: '/bin' };
    expect(takeQueueKey(env).mark).toMatch(/^[0-9a-f]{16}$/);
    expect(env).toEqual({ PATH: '/bin' });
  });

  it('can be in a file, without its last line break', () => {
    const file = join(temporaryFolder(), 'secret');
    writeFileSync(file, `${SECRET}\n`);
    const env = { LAB_QUEUE_SECRET_FILE: file };
    expect(takeQueueKey(env).mark).toBe(new QueueKey(SECRET).mark);
    expect(env).toEqual({});
  });

  it('is optional', () => expect(takeQueueKey({}).mark).toBeNull());

  it.each<[string, (dir: string) => NodeJS.ProcessEnv, RegExp]>([
    ['too short', () => ({ LAB_QUEUE_SECRET: SECRET.slice(1) }), /has 31 characters; expected at least 32/],
    ['empty', () => ({ LAB_QUEUE_SECRET: '' }), /has 0 characters/],
    ['too long', () => ({ LAB_QUEUE_SECRET: 'x'.repeat(4097) }), /at most 4096/],
    ['given twice', () => ({ LAB_QUEUE_SECRET: SECRET, LAB_QUEUE_SECRET_FILE: '/x' }), /are both set/],
    ['in no file', () => ({ LAB_QUEUE_SECRET_FILE: '/nonexistent' }), /cannot be read/],
    ['in a folder', (dir) => (mkdirSync(join(dir, 'd')), { LAB_QUEUE_SECRET_FILE: join(dir, 'd') }), /no small file/],
    ['in a device', () => ({ LAB_QUEUE_SECRET_FILE: '/dev/zero' }), /no small file/],
  ])('that is %s is refused without being shown', (_what, make, said) => {
    const env = make(temporaryFolder());
    expect(() => takeQueueKey(env)).toThrow(said);
    expect(() => takeQueueKey(make(temporaryFolder()))).toThrow(expect.not.objectContaining({ message: SECRET }));
    expect(env).toEqual({});
  });

  it('is in no text of its key', () => {
    const key = new QueueKey(SECRET);
    expect(`${inspect(key, { depth: 9, showHidden: true })}${JSON.stringify(key)}`).not.toContain(SECRET.slice(0, 8));
  });
});

describe('a message', () => {
  const key = new QueueKey(SECRET);
  const sealed = key.seal(HEAD, '{"a":1}');

  it('is opened by the same secret only', () => {
    expect(key.open(sealed, JOB)).toEqual({ kind: 'signed', head: HEAD, body: '{"a":1}' });
    expect(new QueueKey(`${SECRET}x`).open(sealed, JOB)).toMatchObject({ why: 'its signature is wrong' });
    expect(new QueueKey(null).open(sealed, JOB)).toMatchObject({ kind: 'unsigned' });
    expect(key.open(new QueueKey(null).seal(HEAD, '{"a":1}'), JOB)).toMatchObject({ why: 'it is not signed' });
  });

  it.each<[string, Sealed]>([
    ...Object.entries({
      direction: 'result' as const,
      queue: 'r',
      matrix: 'm2',
      cell: 'c-2',
      attempt: 2,
      nonce: 'ab',
      issuedAt: 1001,
    }).map(([field, value]): [string, Sealed] => [field, { ...sealed, head: { ...HEAD, [field]: value } }]),
    ['body', { ...sealed, body: '{"a":2}' }],
    ['border of two fields', { ...sealed, head: { ...HEAD, matrix: 'm1c', cell: '-1' } }],
    ['signature', { ...sealed, mac: '0'.repeat(64) }],
  ])('with another %s is refused', (_field, changed) => {
    expect(key.open(changed, JOB)).toMatchObject({ kind: 'refused', why: 'its signature is wrong' });
  });

  it('of another direction or queue is refused, though it is signed', () => {
    for (const expected of [
      { ...JOB, direction: 'result' as const },
      { ...JOB, queue: 'other' },
    ])
      expect(key.open(sealed, expected)).toMatchObject({ kind: 'refused' });
  });

  it('cannot be changed within the same bytes', () => {
    const odd = key.seal(HEAD, '"\ufffd"');
    expect(key.open(odd, JOB)).toMatchObject({ kind: 'signed' });
    expect(key.open({ ...odd, body: '"\ud800"' }, JOB)).toMatchObject({ kind: 'refused' });
  });

  it.each([[null], [undefined], ['x'], [[]], [{}], [{ ...sealed, mac: 'AB' }], [{ ...sealed, head: null }]])(
    'that is %j is refused',
    (message) => expect(key.open(message, JOB)).toMatchObject({ kind: 'refused' }),
  );
});

describe('nonces', () => {
  it('are used once', () => {
    const seen = new SeenNonces();
    expect(seen.use('a', 1000, 1000)).toBeNull();
    expect(seen.use('a', 1000, 1000)).toMatch(/taken before/);
    expect(seen.use('b', 1000, 1000)).toBeNull();
  });

  it('are refused when they are too old, or from the future', () => {
    const now = 1e12;
    expect(new SeenNonces().use('a', now - 8 * 86_400_000, now)).toBe('it is too old');
    expect(new SeenNonces().use('a', now + 3_600_000, now)).toMatch(/3600 s in the future: compare the clocks/);
  });

  it('take bounded memory, and a forgotten one is refused all the same', () => {
    const seen = new SeenNonces(100);
    for (let n = 0; n < 10_000; n++) expect(seen.use(String(n), n, 10_000)).toBeNull();
    expect(seen.size).toBeLessThanOrEqual(100);
    for (let n = 0; n < 10_000; n += 7) expect(seen.use(String(n), n, 10_000)).not.toBeNull();
  });
});

it('refusals are all counted, and a flood of them is not all shown', () => {
  const notes: string[] = [];
  const refusals = new Refusals((text) => notes.push(text));
  for (let n = 0; n < 5000; n++) refusals.add('job \x1b[2J', 'it is not signed');
  expect(refusals.count).toBe(5000);
  expect(notes.length).toBeLessThan(25);
  expect(notes[0]).toBe('refused job \\x1b[2J: it is not signed (1 refused so far)');
  expect(notes.at(-1)).toContain('(4096 refused so far)');
});
