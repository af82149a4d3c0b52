// SPDX-License-Identifier: Apache-2.0
// A real host of one program: a static busybox. Needs root, as `npm run hosts` does.
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findProgram } from '../../../src/images/index.js';
import { isStaticElf } from '../../../src/images/requirements.js';
import { enter } from '../../../src/measure/hosts/enter.js';
import { temporaryFolder } from '../../util/temporary.js';

const busybox = findProgram('busybox');
const isPossible = process.getuid?.() === 0 && busybox !== null && isStaticElf(busybox);

function host(): string {
  const root = temporaryFolder();
  for (const folder of ['bin', 'proc', 'sys', 'dev', 'srv']) mkdirSync(join(root, folder));
  copyFileSync(busybox ?? '', join(root, 'bin/busybox'));
  for (const name of ['sh', 'env', 'ls', 'cat', 'echo', 'sleep', 'chgrp', 'grep', 'ps', 'umount', 'unshare'])
    symlinkSync('busybox', join(root, 'bin', name));
  return root;
}

const run = (root: string, line: string, signal?: AbortSignal) =>
  enter({ root, user: 'root', cwd: '/srv', env: { PATH: '/bin', COLOUR: 'red' } }, line, { signal });

describe.skipIf(!isPossible)('a host in a folder', () => {
  it('runs a line in the folder that is meant, with that environment alone', async () => {
    const root = host();
    writeFileSync(join(root, 'srv/here'), '');
    const { code, stdout } = await run(root, 'ls; echo $COLOUR $HOME "[$LAB_CACHE]"; exit 7');
    expect({ code, stdout }).toEqual({ code: 7, stdout: 'here\nred /root []\n' });
  });

  it('has devices and processes of its own, and leaves no mount', async () => {
    const root = host();
    const { stdout } = await run(root, 'ls /dev; cat < /dev/null; ps | grep -c . ; cat /proc/1/comm');
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(['null', 'ptmx', 'shm', 'urandom']));
    expect(stdout).toMatch(/\b[3-6]\nsh\n$/);
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(root);
    expect(existsSync(join(root, 'dev/null'))).toBe(false);
  });

  it('has user namespaces, which the sandbox needs and a chroot does not have', async () => {
    const { stdout } = await run(host(), 'unshare -U echo inside');
    expect(stdout).toBe('inside\n');
  });

  it('ends with all that runs in it when it is given up', async () => {
    const root = host();
    const abort = new AbortController();
    const running = run(root, 'sleep 60 & echo > /srv/started; sleep 60', abort.signal);
    while (!existsSync(join(root, 'srv/started'))) await new Promise((resolve) => setTimeout(resolve, 10));
    abort.abort(new Error('given up'));
    await expect(running).rejects.toThrow('given up');
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(root);
  });
});
