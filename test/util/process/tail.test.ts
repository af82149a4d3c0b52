// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, closeSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FileTail } from '../../../src/util/process/tail.js';
import { temporaryFolder, until } from '../temporary.js';

const MIB = 1 << 20;
/** What a file system may add for its own records of a file that is written in many pieces. */
const SLACK = 128 << 10;

/** Bytes that a file takes on disk. */
const onDisk = (path: string) => statSync(path).blocks * 512;

/** Follows a file and collects its content. */
function follow(path: string, keepBelow: number, every = 2) {
  const seen = { bytes: 0, lost: 0, hash: createHash('sha256'), text: '' };
  const tail = new FileTail({
    path,
    every,
    keepBelow,
    onData: (chunk) => {
      seen.bytes += chunk.length;
      seen.hash.update(chunk);
      if (seen.text.length < 10_000) seen.text += chunk.toString('latin1');
    },
    onLost: (bytes) => (seen.lost += bytes),
  });
  onTestFinished(() => tail.stop());
  return { tail, seen };
}

describe('a file that is followed', () => {
  it('may be created later, and gives every byte once', async () => {
    const path = join(temporaryFolder(), 'console.log');
    const { tail, seen } = follow(path, MIB);
    tail.look();
    appendFileSync(path, 'one ');
    await until('the first word', () => seen.text === 'one ');
    appendFileSync(path, 'two ');
    tail.look();
    expect(seen.text).toBe('one two ');
    appendFileSync(path, 'last');
    tail.stop();
    expect(seen.text).toBe('one two last');
    appendFileSync(path, 'too late');
    tail.look();
    tail.stop();
    expect(seen.text).toBe('one two last');
  });

  it('releases on disk what was read, while its writer continues', async () => {
    const path = join(temporaryFolder(), 'console.log');
    const fd = openSync(path, 'a');
    onTestFinished(() => closeSync(fd));
    const { tail, seen } = follow(path, 8192, 60_000);
    const want = createHash('sha256');
    for (let i = 0; i < 20; i++) {
      const line = `line ${i} ${'x'.repeat(3000)}\n`;
      want.update(line);
      writeSync(fd, line);
      tail.look();
      await until('room on the disk', () => (tail.look(), onDisk(path) <= 3 * 8192));
    }
    expect(seen.hash.digest('hex')).toBe(want.digest('hex'));
    expect(seen.lost).toBe(0);
  });

  it('loses nothing of 64 MiB that arrive in bursts above its limit', async () => {
    const path = join(temporaryFolder(), 'console.log');
    const bursts = 32;
    // A writer that waits for a message before each burst of 2 MiB.
    const child = spawn(
      process.execPath,
      [
        '-e',
        `
      const { openSync, writeSync } = require('node:fs');
      const { createHash } = require('node:crypto');
      const fd = openSync(process.argv[1], 'a');
      const hash = createHash('sha256');
      let n = 0;
      process.stdin.on('data', () => {
        const burst = Buffer.alloc(2 << 20, 'burst ' + n++ + '\\n');
        hash.update(burst);
        for (let at = 0; at < burst.length; ) at += writeSync(fd, burst, at, Math.min(burst.length - at, 4096));
      }).on('end', () => console.log(hash.digest('hex')));
    `,
        path,
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    onTestFinished(() => void child.kill('SIGKILL'));
    const { seen } = follow(path, MIB);
    for (let i = 1; i <= bursts; i++) {
      child.stdin.write('x');
      await until(`burst ${i}`, () => seen.bytes === i * 2 * MIB && onDisk(path) <= MIB + SLACK);
    }
    child.stdin.end();
    const digest = await new Promise<string>((resolve) =>
      child.stdout.once('data', (data: Buffer) => resolve(data.toString().trim())),
    );
    expect(seen.lost).toBe(0);
    expect(seen.hash.digest('hex')).toBe(digest);
  });

  it('fills no disk if its writer never waits, and counts what it had to drop', async () => {
    const path = join(temporaryFolder(), 'console.log');
    const total = 256 * MIB;
    const child = spawn('/bin/sh', ['-c', 'head -c "$2" /dev/zero >> "$1"', 'sh', path, String(total)], {
      stdio: 'inherit',
    });
    const gone = new Promise((resolve) => child.once('exit', resolve));
    // A slow reader: the writer is far ahead at every read.
    const { tail, seen } = follow(path, MIB, 20);
    await gone;
    await until('room on the disk', () => onDisk(path) <= 2 * MIB);
    tail.stop();
    expect(seen.bytes + seen.lost).toBe(total);
    expect(seen.bytes).toBeGreaterThan(0);
  });
});
