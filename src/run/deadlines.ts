// SPDX-License-Identifier: Apache-2.0
// How long the lab waits for a mark. Machines are shared and noisy, so all waits scale with the first boot of the same run.

/** Milliseconds. A first boot under emulation takes some 1.5 s on an idle core; this bears a host forty times slower. */
const FIRST_BOOT = 60_000;
const LEAST_BOOT = 30_000;
const LEAST_REQUEST = 30_000;
/** Later boots may take this many times the first one: the next kernel also has the handover to read. */
const BOOT_FACTOR = 8;
const A_DAY = 86_400_000;

export class Deadlines {
  private firstBoot: number | null = null;

  /** @param fixed the scenario's own `deadline`, milliseconds: it replaces what is derived for every boot after the first @param patient a debugger may hold the machine: nothing is ever late */
  constructor(private readonly fixed: number | null, private readonly patient = false) {}

  /** The machine's first boot took `ms`. */
  measured(ms: number): void {
    this.firstBoot ??= ms;
  }

  get boot(): number {
    if (this.patient) return A_DAY;
    if (this.firstBoot === null) return FIRST_BOOT;
    return this.fixed ?? Math.max(LEAST_BOOT, this.firstBoot * BOOT_FACTOR);
  }

  /** One request to the agent that handles `bytes` of memory: filling and checking go at some 100 MiB/s where everything is slow. */
  request(bytes = 0): number {
    if (this.patient) return A_DAY;
    const slow = Math.max(1, (this.firstBoot ?? 1500) / 1500);
    return LEAST_REQUEST * Math.min(slow, 10) + (bytes / (20 << 20)) * 1000 * slow;
  }
}
