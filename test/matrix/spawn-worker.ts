// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { programOf } from '../util/program.js';
import type { RigOptions } from './redis-rig.js';

const WORKER = await programOf(join(import.meta.dirname, 'worker-process.ts'));

/** A worker in a process of its own, to be killed. */
export function spawnWorker({ url, dir }: RigOptions, worker: string, jobs = 2): ChildProcess {
  const [node, program] = WORKER;
  return spawn(node, [program, url, dir, worker, String(jobs)], { stdio: ['ignore', 'ignore', 'inherit'] });
}
