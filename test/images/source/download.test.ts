// SPDX-License-Identifier: Apache-2.0
// Archives from servers that close early, continue, redirect and speak HTTP/1.0.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { fetchUrl } from '../../../src/images/source/download.js';
import { emptyCache } from '../store/box.js';
import { temporaryFolder } from '../folder.js';

const DATA = Buffer.alloc(300_000, 'kernel ');
const SHA256 = createHash('sha256').update(DATA).digest('hex');

/** Answers request after request with these; the last one again and again. Each gets the head that was asked. */
async function serve(...answers: ((socket: Socket, head: string) => void)[]) {
  const heads: string[] = [];
  const server = createServer((socket) => {
    let head = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      const answer = answers[Math.min(heads.length, answers.length - 1)];
      heads.push(head);
      answer?.(socket, head);
      head = '';
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  return { heads, url: `http://127.0.0.1:${port}/linux.tar` };
}

/** As simple servers do: no length, and the end of the connection is that of the file. */
const http10 = (socket: Socket) => void socket.end(Buffer.concat([Buffer.from('HTTP/1.0 200 OK\r\n\r\n'), DATA]));
const half = (socket: Socket) => {
  socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${DATA.length}\r\n\r\n`);
  socket.end(DATA.subarray(0, 100_000));
};
/** Continues where the client says. */
const rest = (socket: Socket, head: string) => {
  const data = DATA.subarray(Number(/range: bytes=(\d+)-/i.exec(head)?.[1] ?? 0));
  socket.write(`HTTP/1.1 206 Partial Content\r\ncontent-length: ${data.length}\r\n\r\n`);
  socket.end(data);
};
const status =
  (line: string, header = '') =>
  (socket: Socket) =>
    void socket.end(`HTTP/1.1 ${line}\r\n${header}content-length: 0\r\n\r\n`);

const fetched = (url: string, folder = temporaryFolder()) =>
  fetchUrl({ kind: 'url', url, sha256: SHA256 }, folder, 'fetch', emptyCache());

describe('an archive', () => {
  it('comes from a server that ends the connection after the file, as HTTP/1.0 does', async () => {
    const { url } = await serve(http10);
    expect(readFileSync(await fetched(url)).equals(DATA)).toBe(true);
  });

  it('that was cut off is asked for again', async () => {
    const { url, heads } = await serve(half, rest);
    expect(readFileSync(await fetched(url)).equals(DATA)).toBe(true);
    expect(heads).toHaveLength(2);
  });

  it('of which a part is there is continued where it ended', async () => {
    const { url, heads } = await serve(rest);
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'linux.tar.partial'), DATA.subarray(0, 100_000));
    expect(readFileSync(await fetched(url, folder)).equals(DATA)).toBe(true);
    expect(heads).toEqual([expect.stringMatching(/^range: bytes=100000-\r$/im)]);
    expect(readdirSync(folder)).toEqual(['linux.tar']);
  });

  it('that was fetched whole before is not fetched again', async () => {
    const { url } = await serve(status('416 Range Not Satisfiable'));
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'linux.tar.partial'), DATA);
    expect(readFileSync(await fetched(url, folder)).equals(DATA)).toBe(true);
  });

  it('comes from where a mirror says', async () => {
    const { url } = await serve(http10);
    const mirror = await serve(status('302 Found', `location: ${url}\r\n`));
    expect(readFileSync(await fetched(mirror.url)).equals(DATA)).toBe(true);
  });

  it.each([
    ['sends to itself', 'location: /linux.tar\r\n', /more than 10 redirects/],
    ['sends to a file of this host', 'location: file:///etc/passwd\r\n', /a redirect to file: is not followed/],
  ])('does not come from a mirror that %s', async (_, header, message) => {
    const { url } = await serve(status('302 Found', header));
    await expect(fetched(url)).rejects.toThrow(message);
  });

  it('that the server does not have is one clear line', async () => {
    const { url, heads } = await serve(status('404 Not Found'));
    await expect(fetched(url)).rejects.toThrow(`${url}: HTTP status 404`);
    expect(heads).toHaveLength(1);
  });

  it('that is always cut off is given up after four tries', async () => {
    const { url, heads } = await serve((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n'));
    await expect(fetched(url)).rejects.toThrow(`${url}: `);
    expect(heads).toHaveLength(4);
  });
});
