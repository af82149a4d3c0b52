// SPDX-License-Identifier: Apache-2.0
// The part of the root file system that a live update alone needs.
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CpioEntry, cpioArchive, selectCpio } from '../../src/images/build/cpio.js';
import { coreRootFs } from '../../src/images/index.js';
import type { RootFs } from '../../src/model/kernel/image.js';
import { sha256 } from '../../src/images/cache/cache.js';
import { temporaryFolder } from './folder.js';

const file = (path: string, text: string): CpioEntry => ({ kind: 'file', path, mode: 0o755, data: Buffer.from(text) });
const CORE: CpioEntry[] = [
  { kind: 'dir', path: 'bin', mode: 0o755 },
  { kind: 'dir', path: 'dev', mode: 0o755 },
  { kind: 'dir', path: 'etc', mode: 0o755 },
  { kind: 'dir', path: 'sbin', mode: 0o755 },
  { kind: 'char', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
  file('etc/passwd', 'root'),
  file('init', 'the first process'),
  file('bin/agent', 'agent'),
];
const OTHERS: CpioEntry[] = [
  file('bin/busybox', 'shell'),
  file('sbin/dropbear', 'server'),
  { kind: 'link', path: 'bin/sh', target: '/bin/busybox' },
];

/** Paths and content in an archive, in order. */
function entriesOf(archive: Buffer): string[] {
  const names: string[] = [];
  selectCpio(archive, ({ path, kind }) => {
    names.push(`${kind} ${path}`);
    return false;
  });
  return names;
}

function wholeRootFs(entries: readonly CpioEntry[], folder = temporaryFolder()): RootFs {
  const archive = cpioArchive(entries);
  const path = join(folder, 'initramfs.cpio');
  writeFileSync(path, archive);
  return { path, sha256: sha256(archive), size: archive.length };
}

describe('the core of the root file system', () => {
  it('has init, the agent and what they need, and nothing else', () => {
    const core = coreRootFs(wholeRootFs([...CORE, ...OTHERS]));
    const archive = readFileSync(core.path);
    expect(entriesOf(archive)).toEqual(CORE.map(({ kind, path }) => `${kind} ${path}`));
    expect(archive).toEqual(cpioArchive(CORE));
    expect(core).toMatchObject({ size: archive.length, sha256: sha256(archive) });
  });

  it('is made once, again if it was cut, and again for another root file system', () => {
    const whole = wholeRootFs([...CORE, ...OTHERS]);
    const first = coreRootFs(whole);
    const { ino } = statSync(first.path);
    expect(coreRootFs(whole)).toEqual(first);
    expect(statSync(first.path).ino).toBe(ino);
    truncateSync(first.path, 100);
    expect(coreRootFs(whole)).toEqual(first);
    expect(sha256(readFileSync(first.path))).toBe(first.sha256);
    const other = wholeRootFs([...CORE, ...OTHERS, file('etc/more', 'x')], join(whole.path, '..'));
    expect(entriesOf(readFileSync(coreRootFs(other).path))).toContain('file etc/more');
  });

  it('is not taken from what is no archive', () => {
    expect(() => selectCpio(Buffer.from('no archive'), () => true)).toThrow('no entry of an archive at byte 0');
    const cut = cpioArchive(CORE).subarray(0, 300);
    expect(() => selectCpio(cut, () => true)).toThrow('no entry of an archive');
  });
});
