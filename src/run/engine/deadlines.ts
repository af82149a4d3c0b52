// SPDX-License-Identifier: Apache-2.0
// How long the machine may show no progress. Machines are emulated at very different speeds, so all waits scale with
// the first boot of the same run; what a busy host takes away is no part of that, nor of any wait (util/pulse.ts).

/**
 * Milliseconds. A first boot under emulation takes some 1.5 s on an idle core; this bears a host forty times slower.
 */
const FIRST_BOOT = 60_000;
const MIN_BOOT = 30_000;
const MIN_REQUEST = 30_000;
/** Later boots may take this many times the first one: the next kernel also has the handover to read. */
const BOOT_FACTOR = 8;
const USUAL_BOOT = 1500;
const MAX_SLOW = 10;
/** Bytes a second that even a slow machine fills or checks. */
const MIN_SPEED = 20 << 20;
const A_DAY = 86_400_000;

export class Deadlines {
  private firstBoot: number | null = null;

  /**
   * @param fixed the scenario's own `deadline`, milliseconds: it stands for every wait after the first boot in which
   * nothing large is handled
   * @param options `never`: a debugger may hold the machine, so that nothing is ever late
   */
  constructor(
    private readonly fixed: number | null,
    private readonly options: { never: boolean } = { never: false },
  ) {}

  /** The machine's first boot took `ms`. */
  measured(ms: number): void {
    this.firstBoot ??= Math.max(0, ms);
  }

  get boot(): number {
    if (this.options.never) return A_DAY;
    // Nothing is known of this machine before its first boot.
    if (this.firstBoot === null) return Math.max(FIRST_BOOT, this.fixed ?? 0);
    return this.fixed ?? Math.max(MIN_BOOT, this.firstBoot * BOOT_FACTOR);
  }

  /** So many times slower than a usual machine is this one; at least 1. */
  get slow(): number {
    return Math.max(1, (this.firstBoot ?? USUAL_BOOT) / USUAL_BOOT);
  }

  /** One request to the agent that handles `bytes` of memory. */
  request(bytes = 0): number {
    if (this.options.never) return A_DAY;
    return (this.fixed ?? MIN_REQUEST * Math.min(this.slow, MAX_SLOW)) + (bytes / MIN_SPEED) * 1000 * this.slow;
  }
}
