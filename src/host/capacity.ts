// SPDX-License-Identifier: Apache-2.0
// How many machines this host carries at once.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Plan } from '../model/scenario/plan.js';

/**
 * What a machine needs beyond its RAM: QEMU itself, its translated code under TCG, and the lab's look at the memory.
 * Bytes.
 */
export const OVERHEAD = 256 << 20;
/** Part of the free memory that machines may have; the rest is for the host. */
const SHARE = 0.9;

export interface Capacity {
  /** Machines at once. */
  jobs: number;
  /** Bytes of all machines together, with what each needs beyond its RAM. */
  memory: number;
  /** Said where less is run at once than was asked for; null where not. */
  note: string | null;
}

/** @param asked of --jobs; null without it */
export function capacity(
  asked: number | null,
  limits: Plan['limits'],
  host: { cores: number; free: number } = hostNow(),
): Capacity {
  const wanted = asked ?? limits.jobs ?? host.cores;
  const jobs = Math.max(1, Math.min(wanted, limits.jobs ?? Infinity, host.cores));
  return {
    jobs,
    memory: Math.min(limits.memory ?? Infinity, Math.floor(host.free * SHARE)),
    note:
      asked !== null && asked > jobs
        ? `${asked} machines at once were asked for; this ${asked > host.cores ? `host has ${host.cores} cores` : 'plan allows fewer'}: ${jobs}`
        : null,
  };
}

export function hostNow(): { cores: number; free: number } {
  return { cores: availableParallelism(), free: Math.min(available(), cgroupRoom()) };
}

/** MemAvailable: what can be had without swapping. Bytes. */
function available(): number {
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return kib === undefined ? 2 ** 30 : Number(kib) * 1024;
}

/** What the control group of a container leaves (cgroup v2); Infinity where it sets no limit. */
function cgroupRoom(): number {
  try {
    const [max, current] = ['memory.max', 'memory.current'].map((name) =>
      Number(readFileSync(`/sys/fs/cgroup/${name}`, 'utf8')),
    );
    const room = (max ?? NaN) - (current ?? NaN);
    return Number.isFinite(room) ? Math.max(0, room) : Infinity;
  } catch {
    return Infinity;
  }
}
