// SPDX-License-Identifier: Apache-2.0
// Computes how many machines this host can run at once.
import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import type { Plan } from '../model/scenario/plan.js';
import { bytesText } from '../util/bytes.js';
import { LabError } from '../util/errors.js';

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

/** All memory of this host, or of its container, in bytes. */
export function hostMemory(): number {
  return Math.min(totalmem(), cgroupMemory().max);
}

/** Throws a LabError if one machine of this size cannot get its memory now. */
export function requireMemory(bytes: number, free = hostNow().free): void {
  if (bytes <= free) return;
  throw new LabError(`the machine needs ${bytesText(bytes)} of memory, but this host can give ${bytesText(free)} now`, {
    hint: 'end other programs, or give the machine less: machine: {memory: 1GiB} in the scenario',
  });
}

/** MemAvailable: the memory that is available without swapping, in bytes. */
function available(): number {
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return kib === undefined ? 2 ** 30 : Number(kib) * 1024;
}

/** The memory that a container's control group leaves (cgroup v2); Infinity without a limit. */
function cgroupRoom(): number {
  const { max, current } = cgroupMemory();
  return Number.isFinite(max) ? Math.max(0, max - current) : Infinity;
}

function cgroupMemory(): { max: number; current: number } {
  try {
    const [max = NaN, current = NaN] = ['memory.max', 'memory.current'].map((name) =>
      Number(readFileSync(`/sys/fs/cgroup/${name}`, 'utf8')),
    );
    return Number.isFinite(max - current) ? { max, current } : { max: Infinity, current: 0 };
  } catch {
    return { max: Infinity, current: 0 };
  }
}
