// SPDX-License-Identifier: Apache-2.0
// Computes how many machines this host can run at once.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Plan } from '../model/scenario/plan.js';

/**
 * Memory that a machine needs beyond its RAM, in bytes: QEMU itself, its translated code under TCG, and the lab's
 * inspection of the memory.
 */
export const OVERHEAD = 256 << 20;
/** The share of the free memory that machines may use. The rest is for the host. */
const SHARE = 0.9;

export interface Capacity {
  /** How many machines at once. */
  jobs: number;
  /** Bytes for all machines together, including what each needs beyond its RAM. */
  memory: number;
  /** Tells if fewer machines run at once than requested; null otherwise. */
  note: string | null;
}

/**
 * Computes the capacity.
 * @param asked the value of --jobs; null without it
 */
export function capacity(
  asked: number | null,
  limits: Plan['limits'],
  host: { cores: number; free: number } = hostNow(),
): Capacity {
  const wanted = asked ?? limits.jobs ?? host.cores;
  const jobs = Math.max(1, Math.min(wanted, limits.jobs ?? Infinity, host.cores));
  const reason = (asked ?? 0) > host.cores ? `host has ${host.cores} cores` : 'plan allows fewer';
  return {
    jobs,
    memory: Math.min(limits.memory ?? Infinity, Math.floor(host.free * SHARE)),
    note: asked !== null && asked > jobs ? `${asked} machines at once were requested; this ${reason}: ${jobs}` : null,
  };
}

export function hostNow(): { cores: number; free: number } {
  return { cores: availableParallelism(), free: Math.min(available(), cgroupRoom()) };
}

/** MemAvailable: the memory that is available without swapping, in bytes. */
function available(): number {
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return kib === undefined ? 2 ** 30 : Number(kib) * 1024;
}

/** The memory that a container's control group leaves (cgroup v2); Infinity without a limit. */
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
