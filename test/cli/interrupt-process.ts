// SPDX-License-Identifier: Apache-2.0
// A process with a command that ignores an interrupt. Its child dies with it, as QEMU does. With the word `idle`,
// nothing runs that must end in order.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { catchSignals, interruptible, onInterruptKept } from '../../src/util/process/interrupt.js';

const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'sleep', '600'], { stdio: 'ignore', detached: true });
/** Until then setpriv has not tied the child to this process. */
const isTied = () => readFileSync(`/proc/${child.pid}/comm`, 'utf8').trim() === 'sleep';

onInterruptKept(() => ['3 of 4 cells; to go on: lab matrix --resume']);
onInterruptKept(() => ['taken back'])();

const whenTied = () => {
  const poll = setInterval(() => {
    if (!isTied()) return;
    clearInterval(poll);
    process.stdout.write(`child ${child.pid}\n`);
    setInterval(() => undefined, 1000);
  }, 10);
};

if (process.argv[2] === 'idle') {
  catchSignals();
  whenTied();
} else
  void interruptible(
    (signal) =>
      new Promise(() => {
        signal.addEventListener('abort', () => process.stdout.write('heard\n'), { once: true });
        whenTied();
      }),
  );
