// SPDX-License-Identifier: Apache-2.0
// The build of QEMU is known by content and version, and is asked once.
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { qemuBuild } from '../../src/snapshot/index.js';
import { temporaryFolder } from '../util/temporary.js';

/** A program that says its version, and leaves a file each time. */
function program(dir: string, version: string, rest = ''): string {
  const path = join(dir, 'qemu');
  writeFileSync(path, `#!/bin/sh\necho x >> '${dir}/asked'\necho 'QEMU ${version}'\n${rest}`, { mode: 0o755 });
  return path;
}

it('tells two builds of one version apart, and asks each once', async () => {
  const dir = temporaryFolder();
  const facts = join(dir, 'facts.json');
  const first = await qemuBuild(program(dir, '7.2'), facts);
  expect(first).toEqual({ version: 'QEMU 7.2', digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
  writeFileSync(join(dir, 'asked'), '');
  expect(await qemuBuild(join(dir, 'qemu'), facts)).toEqual(first);
  const second = await qemuBuild(program(dir, '7.2', '# another build\n'), facts);
  expect(second.version).toBe(first.version);
  expect(second.digest).not.toBe(first.digest);
});

it('is not asked again as long as the file is the same', async () => {
  const dir = temporaryFolder();
  const facts = join(dir, 'facts.json');
  const path = program(dir, '7.2');
  await qemuBuild(path, facts);
  expect(existsSync(join(dir, 'asked'))).toBe(true);
  writeFileSync(join(dir, 'asked'), '');
  await qemuBuild(path, facts);
  expect(statSync(join(dir, 'asked')).size).toBe(0);
});

it('a program that fails, or says nothing, is no QEMU', async () => {
  const dir = temporaryFolder();
  const path = join(dir, 'qemu');
  writeFileSync(path, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  await expect(qemuBuild(path, join(dir, 'facts.json'))).rejects.toThrow('--version failed');
});
