// SPDX-License-Identifier: Apache-2.0
// The program of a process for runs (dist/cell.js). A lab starts it; nobody else does.
import { Socket } from 'node:net';
import { serveCells } from '../../matrix/process/serve.js';
import { cellRunner } from '../../matrix/runner.js';
import { Preparation } from '../../perform/prepare.js';
import { progressText } from '../../report/live/progress-text.js';
import { labVersion } from '../common/version.js';
import { kernelProblem } from '../run/check-kernels.js';

// The lab that started it says when to end, and it dies with that lab. A signal to all processes is for the lab.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

serveCells({
  requests: process.stdin,
  answers: new Socket({ fd: 3, readable: false, writable: true }),
  open: ({ accel, results, worker, trust }, signal) =>
    cellRunner({
      preparation: new Preparation({ accel, signal }),
      results,
      labVersion: labVersion(),
      worker,
      kernelProblem,
      trust,
      describe: progressText,
    }),
}).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${(error as Error)?.stack ?? String(error)}\n`);
    process.exit(1);
  },
);
