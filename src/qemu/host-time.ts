// SPDX-License-Identifier: Apache-2.0
// The processor time that the host gave a process: Documentation/scheduler/sched-stats.rst, "/proc/<pid>/schedstat";
// its state from proc_pid_stat(5).
import { readdirSync, readFileSync } from 'node:fs';

export interface HostTimes {
  /** Per thread, in milliseconds: time on a processor, and time ready to run without one. */
  threads: Map<string, { ran: number; waited: number }>;
  /** A signal or a tracer has stopped the process. */
  stopped: boolean;
}

const NS_PER_MS = 1e6;
const MAX_THREADS = 256;

/** Returns null if the host does not provide the times, or the process is gone. */
export function hostTimes(pid: number): HostTimes | null {
  try {
    const threads: HostTimes['threads'] = new Map();
    for (const thread of readdirSync(`/proc/${pid}/task`).slice(0, MAX_THREADS)) {
      const [ran, waited] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ').map(Number);
      if (!Number.isFinite(ran) || !Number.isFinite(waited)) return null;
      threads.set(thread, { ran: (ran as number) / NS_PER_MS, waited: (waited as number) / NS_PER_MS });
    }
    // The program's name, in brackets, may contain anything.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return { threads, stopped: /^[tT]/.test(stat.slice(stat.lastIndexOf(')') + 2)) };
  } catch {
    return null;
  }
}

/** A host of its own, or one that is itself a virtual machine and cannot tell how long it did not run. */
export type HostKind = 'real' | 'virtual';

/** @param cpuinfo reads /proc/cpuinfo, which tests replace */
export function hostKind(cpuinfo: () => string = () => readFileSync('/proc/cpuinfo', 'utf8')): HostKind {
  try {
    return /^flags\s*:.*\shypervisor(\s|$)/m.test(cpuinfo()) ? 'virtual' : 'real';
  } catch {
    return 'real';
  }
}
