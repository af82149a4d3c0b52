// SPDX-License-Identifier: Apache-2.0
// A worker with fake cells as a process: worker-process.ts URL FOLDER NAME JOBS
import { openWorker } from './redis-rig.js';

const [url = '', dir = '', name = '', jobs = '1'] = process.argv.slice(2);
const { side } = await openWorker({ url, dir }, name, Number(jobs));
// Gone with whoever started it.
setInterval(() => {
  if (process.ppid === 1) process.exit(0);
}, 500).unref();
await side.run();
