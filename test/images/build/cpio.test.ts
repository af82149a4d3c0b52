// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CpioEntry, cpioArchive } from '../../../src/images/build/cpio.js';
import { findProgram } from '../../../src/images/requirements.js';
import { temporaryFolder } from '../folder.js';

const ENTRIES: CpioEntry[] = [
  { kind: 'dir', path: 'bin', mode: 0o755 },
  { kind: 'dir', path: 'tmp', mode: 0o1777 },
  { kind: 'file', path: 'bin/a', mode: 0o755, data: Buffer.from('hello') },
  { kind: 'file', path: 'empty', mode: 0o600, data: Buffer.alloc(0) },
  { kind: 'link', path: 'bin/sh', target: '/bin/a' },
];

describe('cpio archives', () => {
  it.skipIf(findProgram('cpio') === null)('are what cpio reads', () => {
    const dir = temporaryFolder();
    execFileSync('cpio', ['-idm', '--quiet'], { cwd: dir, input: cpioArchive(ENTRIES) });
    expect(readFileSync(join(dir, 'bin/a'), 'utf8')).toBe('hello');
    expect(lstatSync(join(dir, 'bin/a')).mode & 0o7777).toBe(0o755);
    expect(lstatSync(join(dir, 'tmp')).mode & 0o7777).toBe(0o1777);
    expect(lstatSync(join(dir, 'empty')).size).toBe(0);
    expect(readlinkSync(join(dir, 'bin/sh'))).toBe('/bin/a');
  });

  it('contain device nodes, byte for byte', () => {
    const archive = cpioArchive([
      { kind: 'dir', path: 'dev', mode: 0o755 },
      { kind: 'char', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    ]).toString('latin1');
    const at = archive.indexOf('070701', 1);
    expect(archive.slice(at, at + 110)).toBe(
      `070701${[2, 0o020600, 0, 0, 1, 0, 0, 0, 0, 5, 1, 12, 0].map((n) => n.toString(16).padStart(8, '0')).join('')}`,
    );
    expect(archive.slice(at + 110, at + 122)).toBe('dev/console\0');
    expect(archive).toMatch(/TRAILER!!!\0+$/);
    expect(archive.length % 4).toBe(0);
  });

  it('are the same for the same entries', () => {
    expect(cpioArchive(ENTRIES).equals(cpioArchive(ENTRIES))).toBe(true);
  });

  it.each(['/a', '', 'a//b', '../a', 'bin/../a', './a'])('refuse the path %j', (path) => {
    expect(() => cpioArchive([{ kind: 'dir', path, mode: 0o755 }])).toThrow(/not a valid path in an archive/);
  });

  it('refuse a file whose folder comes later, because the kernel would drop it', () => {
    expect(() =>
      cpioArchive([
        { kind: 'link', path: 'bin/sh', target: 'x' },
        { kind: 'dir', path: 'bin', mode: 0o755 },
      ]),
    ).toThrow(/before its folder/);
  });
});
