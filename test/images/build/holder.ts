// SPDX-License-Identifier: Apache-2.0
// A second process of the lab for the tests: takes a lock and runs a command under it, or makes a kernel.
import { existsSync, readFileSync } from 'node:fs';
import { ensureKernel } from '../../../src/images/index.js';
import { runCommand } from '../../../src/util/process/command.js';
import { acquireLock } from '../../../src/util/process/lock.js';

const [what = '', first = '', second = ''] = process.argv.slice(2);

if (what === 'hold') {
  const lock = await acquireLock(first);
  void runCommand(['sh', '-c', 'sleep 1000 & echo $! > "$1"; wait', 'sh', second], { holdFd: lock.fd });
  while (!existsSync(second) || readFileSync(second, 'utf8') === '')
    await new Promise((resolve) => setTimeout(resolve, 10));
  process.stdout.write('held\n');
} else {
  const image = await ensureKernel(first, {
    cacheDir: second,
    jobs: 1,
    signal: new AbortController().signal,
    onProgress: ({ task, done }) => process.stderr.isTTY && process.stderr.write(`${task} ${done}\n`),
  });
  process.stdout.write(`${image.sha256}\n`);
}
