// SPDX-License-Identifier: Apache-2.0
// Stands for a lab that gets SIGKILL. Its program has undone its parent-death signal, and prints that; then this prints
// the program's process.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findSandbox, startSandboxed } from '../../src/sandbox/index.js';
import { trackTemp } from '../../src/util/process/reaper.js';

const PR_SET_PDEATHSIG = 'syscall(157, 1, 0)';

async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'lab-doomed-'));
  trackTemp(dir);
  const started = await startSandboxed(
    await findSandbox(''),
    { read: [], write: [dir], devices: [], network: 'listen', cwd: dir, limits: null },
    ['perl', '-e', `$| = 1; ${PR_SET_PDEATHSIG}; print "up\\n"; sleep 100`],
    { dir, stdout: 'pipe', env: { PATH: process.env['PATH'] } },
  );
  started.child.stdout?.once('data', () => process.stdout.write(`${started.pid}\n`));
}

void main();
