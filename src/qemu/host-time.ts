// SPDX-License-Identifier: Apache-2.0
// What the host's scheduler gave a process: Documentation/scheduler/sched-stats.rst, "/proc/<pid>/schedstat"; state of
// proc_pid_stat(5).
import { readdirSync, readFileSync } from 'node:fs';

export interface HostTimes {
  /** By thread, milliseconds: on a processor, and ready to run with no processor for it. */
  threads: Map<string, { ran: number; waited: number }>;
  /** A signal or a tracer has stopped it. */
  stopped: boolean;
}

const NS_PER_MS = 1e6;
const MOST_THREADS = 256;

/** Null where the host does not tell, or the process is gone. */
export function hostTimes(pid: number): HostTimes | null {
  try {
    const threads: HostTimes['threads'] = new Map();
    for (const thread of readdirSync(`/proc/${pid}/task`).slice(0, MOST_THREADS)) {
      const [ran, waited] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ').map(Number);
      if (!Number.isFinite(ran) || !Number.isFinite(waited)) return null;
      threads.set(thread, { ran: (ran as number) / NS_PER_MS, waited: (waited as number) / NS_PER_MS });
    }
    // The name of the program, in brackets, may hold anything.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return { threads, stopped: /^[tT]/.test(stat.slice(stat.lastIndexOf(')') + 2)) };
  } catch {
    return null;
  }
}
