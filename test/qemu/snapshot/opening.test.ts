// SPDX-License-Identifier: Apache-2.0
// How QEMU opens a saved machine's RAM. A shell script stands for QEMU.
import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SnapshotError } from '../../../src/qemu/snapshot/error.js';
import { hostProblem, type ResumeHost } from '../../../src/qemu/snapshot/host.js';
import { PrivateMemory } from '../../../src/qemu/snapshot/private-memory.js';
import { ramOpening, resumedFrom } from '../../../src/qemu/snapshot/opening.js';
import { saveRam } from '../../../src/qemu/snapshot/save.js';
import { temporaryFolder } from '../../util/temporary.js';

const { signal } = new AbortController();

describe('the RAM of a saved machine', () => {
  it.each([
    ['  mem-path=<string>\n  readonly=<bool>\n', 'read-write', 0o666],
    ['  mem-path=<string>\n  readonly=<bool>\n  rom=<OnOffAuto>\n', 'read-only', 0o644],
  ] as const)('is opened as this QEMU can: %j', async (help, opening, mode) => {
    const dir = temporaryFolder();
    const [binary, memory, ram] = [join(dir, 'qemu'), join(dir, 'memory'), join(dir, 'ram')];
    writeFileSync(binary, `#!/bin/sh\ncat <<'E'\n${help}E\n`);
    chmodSync(binary, 0o755);
    writeFileSync(memory, Buffer.alloc(1 << 20));
    expect(await ramOpening(binary, signal)).toBe(opening);
    expect((await saveRam(memory, ram, { signal, opening })).bytesOnDisk).toBe(0);
    expect(statSync(ram).mode & 0o777).toBe(mode);
    expect(resumedFrom(ram)).toEqual({ ramFile: ram, opening });
  });

  it('leaves no file if it cannot be copied', async () => {
    const ram = join(temporaryFolder(), 'ram');
    await expect(saveRam('/nonexistent', ram, { signal, opening: 'read-write' })).rejects.toMatchObject({
      step: 'save',
    });
    expect(() => statSync(ram)).toThrow('ENOENT');
  });

  it('is not copied after an interrupt', async () => {
    const ram = join(temporaryFolder(), 'ram');
    const aborted = AbortSignal.abort(new Error('interrupted'));
    await expect(saveRam('/dev/null', ram, { signal: aborted, opening: 'read-write' })).rejects.toThrow('interrupted');
  });
});

describe('the memory of a resumed machine', () => {
  const ranges = [{ start: 0, end: 4096, offset: 0 }];
  const ramFile = import.meta.filename;

  it.each([
    ['has not mapped the file', process.pid, /has not mapped/],
    ['is gone', 2 ** 30, /ENOENT/],
  ])('cannot be opened if QEMU %s', (_, pid, why) => {
    const open = () => PrivateMemory.openRanges(pid, { ramFile, ranges, flags: 'r' });
    expect(open).toThrow(why);
    expect(open).toThrow(SnapshotError);
  });
});

describe('a host', () => {
  const HOST: ResumeHost = { sandbox: { kind: 'bwrap', user: 'own' }, root: true, ptraceScope: 0 };

  it.each<[string, Partial<ResumeHost>, RegExp | null]>([
    ['with bubblewrap', {}, null],
    ['without root', { root: false, sandbox: { kind: 'bwrap', user: 'lab' }, ptraceScope: 1 }, null],
    ['on which only root traces, for root', { ptraceScope: 2 }, null],
    ['on which only root traces, for another user', { ptraceScope: 2, root: false }, /ptrace_scope is 2/],
    ['on which nobody traces', { ptraceScope: 3 }, /ptrace_scope is 3/],
    ['without bubblewrap, for root', { sandbox: { kind: 'setpriv', user: 'own' } }, /without bubblewrap/],
    ['without bubblewrap, for another user', { root: false, sandbox: { kind: 'setpriv', user: 'lab' } }, null],
  ])('%s', (_, more, why) => {
    const problem = hostProblem({ ...HOST, ...more });
    if (why === null) expect(problem).toBeNull();
    else expect(problem).toMatch(why);
  });
});
