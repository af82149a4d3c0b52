// SPDX-License-Identifier: Apache-2.0
import {
  closeSync,
  mkdirSync,
  openSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf, stampAt } from '../../src/snapshot/digest.js';
import { temporaryFolder } from '../util/temporary.js';

const MIB = 1 << 20;

/** A file with holes; `bytes` are written at their offsets. */
function sparse(size: number, bytes: Readonly<Record<number, number>>): string {
  const path = join(temporaryFolder(), 'ram');
  writeFileSync(path, '');
  truncateSync(path, size);
  change(path, bytes);
  return path;
}

function change(path: string, bytes: Readonly<Record<number, number>>): void {
  const fd = openSync(path, 'r+');
  for (const [at, byte] of Object.entries(bytes)) writeSync(fd, Buffer.of(byte), 0, 1, Number(at));
  closeSync(fd);
}

const digest = async (path: string) => (await digestOf(path)).digest;

describe('the digest of a file with holes', () => {
  it('is the same for holes and for zeros', async () => {
    const zeros = sparse(0, {});
    const data = Buffer.alloc(3 * MIB + 5);
    data[MIB] = 7;
    writeFileSync(zeros, data);
    expect(await digest(sparse(3 * MIB + 5, { [MIB]: 7 }))).toBe(await digest(zeros));
  });

  it('differs for another byte, another place of a byte, and another size', async () => {
    const sums = await Promise.all(
      [
        sparse(3 * MIB, { [MIB]: 7 }),
        sparse(3 * MIB, { [MIB]: 8 }),
        sparse(3 * MIB, { [2 * MIB]: 7 }),
        sparse(3 * MIB, { [MIB]: 7, [3 * MIB - 1]: 1 }),
        sparse(3 * MIB + 1, { [MIB]: 7 }),
        sparse(3 * MIB, {}),
        sparse(2 * MIB, {}),
      ].map(digest),
    );
    expect(new Set(sums).size).toBe(sums.length);
  });

  it('comes with a stamp that a write changes, also if the time is put back', async () => {
    const path = sparse(MIB, { 5: 1 });
    const time = new Date(2026, 1, 1);
    utimesSync(path, time, time);
    const { stamp } = await digestOf(path);
    expect(await stampAt(path)).toBe(stamp);
    change(path, { 5: 2 });
    utimesSync(path, time, time);
    expect(await stampAt(path)).not.toBe(stamp);
  });

  it('is of regular files only', async () => {
    const dir = temporaryFolder();
    mkdirSync(join(dir, 'folder'));
    writeFileSync(join(dir, 'file'), 'x');
    symlinkSync('file', join(dir, 'link'));
    await expect(digestOf(join(dir, 'folder'))).rejects.toThrow('not a regular file');
    await expect(digestOf(join(dir, 'link'))).rejects.toThrow('ELOOP');
  });

  it('stops when it is cancelled', async () => {
    const path = sparse(MIB, {});
    await expect(digestOf(path, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});
