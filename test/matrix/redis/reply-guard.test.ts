// SPDX-License-Identifier: Apache-2.0
// A Redis that sends anything: too large, or nonsense. Neither side of the queue may fall over it.
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connect } from '../../../src/matrix/redis/connection.js';
import { ReplyGuard } from '../../../src/matrix/redis/reply-guard.js';

/** Gives a reply in packets of this size. */
function take(reply: Buffer, size: number): string | null {
  const guard = new ReplyGuard();
  for (let at = 0; at < reply.length; at += size) {
    const problem = guard.take(reply.subarray(at, at + size));
    if (problem !== null) return problem;
  }
  return null;
}

const string = (bytes: number) => `$${bytes}\r\n${'x'.repeat(bytes)}\r\n`;

describe.each([1, 7, 1 << 16])('in packets of %i bytes', (size) => {
  it.each([
    ['a large string', string(3000)],
    ['strings that look like lengths', `*2\r\n$14\r\n$999999999999\r\n$4\r\n*9\r\n\r\n`],
    ['nothing', '$-1\r\n*-1\r\n_\r\n'],
    ['errors and numbers', '-ERR no\r\n:7\r\n+OK\r\n#t\r\n,1.5\r\n'],
    ['nested lists', `*2\r\n*1\r\n${string(5)}%1\r\n${string(2)}:1\r\n+OK\r\n`],
    ['many replies', string(900).repeat(200)],
  ])('%s passes', (_what, reply) => expect(take(Buffer.from(reply), size)).toBeNull());

  it.each([
    ['512 MiB', '$536870912\r\n', 'a string of 536870912 bytes'],
    ['the same in a list', `*2\r\n$1\r\nx\r\n$536870912\r\n`, 'a string of 536870912 bytes'],
    ['a list without an end', '*99999999\r\n', 'a list of 99999999 elements'],
    ['lists in lists', '*1000\r\n'.repeat(1001), 'a list of 1000 elements'],
    ['a line without an end', 'x'.repeat(70_000), 'a line of more than 65536 bytes'],
  ])('%s ends it', (_what, reply, why) => expect(take(Buffer.from(reply), size)).toBe(why));
});

it('many strings that are too much together end it', () => {
  const part = Buffer.from(string(8 << 20));
  expect(take(Buffer.concat([Buffer.from('*9\r\n'), ...Array.from({ length: 9 }, () => part)]), 1 << 20)).toBe(
    'a reply of more than 67108864 bytes',
  );
});

it.each([
  ['512 MiB', '$536870912\r\n'],
  ['nonsense', '\0\x01\x02\r\n\r\n)(&^%'],
  ['a list without an end', '*536870912\r\n'],
  ['nothing at all', ''],
])(
  'a server that answers with %s is no Redis, and nothing falls over',
  async (_what, reply) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => socket.write(reply));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const failed = connect(`redis://127.0.0.1:${port}`, () => undefined, new AbortController().signal, {
      connectMs: 500,
    });
    await expect(failed).rejects.toMatchObject({ name: 'LabError', message: expect.stringContaining('no Redis at') });
  },
  20_000,
);
