// SPDX-License-Identifier: Apache-2.0
// S7: archives from another host, unpacked as root: only names and contents of plain files reach the disk.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type UnpackRules, unpackFiles } from '../../../src/util/archive/unpack.js';
import { type TarEntry, tarOf } from './make-tar.js';
import { temporaryFolder } from '../temporary.js';

const RULES: UnpackRules = {
  what: 'a received thing',
  allows: (name) => name !== 'forbidden',
  maxFiles: 3,
  maxBytes: 1000,
  manifest: null,
};

async function* pieces(data: Buffer, size = 100): AsyncGenerator<Buffer> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

const unpack = (entries: readonly TarEntry[], rules: Partial<UnpackRules> = {}, dir = temporaryFolder()) =>
  unpackFiles(pieces(gzipSync(tarOf(entries))), dir, { ...RULES, ...rules });

const sum = (data: string) => ({ size: data.length, sha256: createHash('sha256').update(data).digest('hex') });

describe('S7: an archive', () => {
  it('is written as new files of this user, without setuid, owner or permissions of the sender', async () => {
    const dir = temporaryFolder();
    const evil = { mode: 0o6777, uid: 4321 };
    const files = await unpack(
      [
        { path: 'sh', data: 'x', ...evil },
        { path: './b', mode: 0 },
      ],
      {},
      dir,
    );
    for (const name of ['sh', 'b']) {
      const { mode, uid, gid } = statSync(join(dir, name));
      expect([mode & ~0o022, uid, gid]).toEqual([0o100644, process.getuid?.(), process.getgid?.()]);
    }
    expect(readFileSync(join(dir, 'sh'), 'utf8')).toBe('x');
    expect([...files]).toEqual([
      ['sh', sum('x')],
      ['b', sum('')],
    ]);
  });

  it.each<[string, TarEntry[], RegExp]>([
    ['a symbolic link', [{ path: 'a', type: 'SymbolicLink', linkpath: '/etc/passwd' }], /belong there: SymbolicLink/],
    ['a hard link', [{ path: 'a', type: 'Link', linkpath: '/etc/passwd' }], /belong there: Link/],
    ['a device', [{ path: 'a', type: 'CharacterDevice' }], /belong there: CharacterDevice/],
    ['a FIFO', [{ path: 'a', type: 'FIFO' }], /belong there: FIFO/],
    ['a folder', [{ path: 'a', type: 'Directory' }], /belong there: Directory/],
    ['an absolute name', [{ path: '/tmp/lab-evil' }], /contains \/tmp\/lab-evil, which does not belong/],
    ['a name that climbs', [{ path: '../lab-evil' }], /contains \.\.\/lab-evil, which does not belong/],
    ['a hidden name', [{ path: '.lab-evil' }], /does not belong there/],
    ['a name that is not allowed', [{ path: 'forbidden' }], /does not belong there/],
    ['a name with control characters', [{ path: 'a\x1b[2J' }], /contains a\\x1b\[2J, which/],
    ['one name twice', [{ path: 'a' }, { path: 'a' }], /contains a twice/],
    ['one name twice, once with ./', [{ path: 'a' }, { path: './a' }], /contains a twice/],
    ['too many files', ['a', 'b', 'c', 'd'].map((path) => ({ path })), /more than 3 files/],
    [
      'too many bytes',
      [
        { path: 'a', data: 'x'.repeat(600) },
        { path: 'b', data: 'x'.repeat(600) },
      ],
      /of 1200 bytes/,
    ],
  ])('with %s is refused', async (_what, entries, said) => {
    const dir = temporaryFolder();
    await expect(unpack(entries, {}, dir)).rejects.toThrow(said);
    expect(existsSync('/tmp/lab-evil') || existsSync(join(dir, '../lab-evil'))).toBe(false);
    for (const name of readdirSync(dir)) expect(statSync(join(dir, name)).isFile()).toBe(true);
  });

  it('that is a bomb ends within its limits, also with a second layer of compression', async () => {
    const bomb = gzipSync(Buffer.alloc(64 << 20));
    for (const data of [bomb, gzipSync(bomb), gzipSync(gzipSync(tarOf([{ path: 'a' }])))]) {
      const dir = temporaryFolder();
      await expect(unpackFiles(pieces(data, 1 << 16), dir, RULES)).rejects.toThrow(/more than 1000|compressed twice/);
      expect(readdirSync(dir)).toEqual([]);
    }
  });

  it('that is cut off anywhere is refused', async () => {
    const whole = gzipSync(tarOf([{ path: 'a', data: 'x'.repeat(500) }]));
    for (let end = 0; end < whole.length; end += 7)
      await expect(unpackFiles(pieces(whole.subarray(0, end)), temporaryFolder(), RULES)).rejects.toThrow();
  });

  it('must hold what its sender listed: every file, and no other content', async () => {
    const manifest = new Map([['a', sum('one')]]);
    await unpack([{ path: 'a', data: 'one' }], { manifest });
    const wrong: [TarEntry[], RegExp][] = [
      [[{ path: 'a', data: 'two' }], /a with another SHA-256 than its sender listed/],
      [[{ path: 'a', data: 'long' }], /4 bytes instead of 3/],
      [[{ path: 'b', data: 'one' }], /b, which its sender did not list/],
    ];
    for (const [entries, said] of wrong) await expect(unpack(entries, { manifest })).rejects.toThrow(said);
    const two = new Map([...manifest, ['b', sum('two')]] as const);
    await expect(unpack([{ path: 'a', data: 'one' }], { manifest: two })).rejects.toThrow(/lacks the file b/);
  });
});
