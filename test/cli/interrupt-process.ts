// SPDX-License-Identifier: Apache-2.0
// A command that takes no notice of an interrupt, as a process; its child is bound to its life as QEMU is.
import { spawn } from 'node:child_process';
import { interruptible } from '../../src/cli/interrupt.js';

const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'sleep', '600'], { stdio: 'ignore', detached: true });
void interruptible(
  (signal) =>
    new Promise(() => {
      signal.addEventListener('abort', () => process.stdout.write('heard\n'), { once: true });
      setInterval(() => undefined, 1000);
      process.stdout.write(`child ${child.pid}\n`);
    }),
);
