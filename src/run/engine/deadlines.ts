// SPDX-License-Identifier: Apache-2.0
// How long the machine may go without progress. Emulated machines run at very different speeds, so all waits scale
// with the first boot of the same run. Time that a busy host takes away counts neither there nor in any wait
// (util/pulse.ts).

/** Milliseconds. A first boot under emulation takes about 1.5 s on an idle core; a host may be 40 times slower. */
const FIRST_BOOT = 60_000;
const MIN_BOOT = 30_000;
const MIN_REQUEST = 30_000;
/** Later boots may take this many times as long as the first: the next kernel also reads the handover. */
const BOOT_FACTOR = 8;
const USUAL_BOOT = 1500;
const MAX_SLOW = 10;
/** Bytes that even a slow machine fills or checks in a second. */
const MIN_SPEED = 20 << 20;
const A_DAY = 86_400_000;

export class Deadlines {
  private firstBoot: number | null = null;

  /**
   * @param fixed the scenario's own `deadline` in milliseconds: it applies to every wait after the first boot; memory
   *   that a request handles comes on top
   * @param options `never`: a debugger may hold the machine, so nothing is ever late
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
    // Before the first boot, the speed of this machine is unknown.
    if (this.firstBoot === null) return Math.max(FIRST_BOOT, this.fixed ?? 0);
    return this.fixed ?? Math.max(MIN_BOOT, this.firstBoot * BOOT_FACTOR);
  }

  /** How many times slower than usual this machine is; at least 1. */
  get slow(): number {
    return Math.max(1, (this.firstBoot ?? USUAL_BOOT) / USUAL_BOOT);
  }

  /** For one request to the agent that handles `bytes` of memory. */
  request(bytes = 0): number {
    if (this.options.never) return A_DAY;
    return (this.fixed ?? MIN_REQUEST * Math.min(this.slow, MAX_SLOW)) + (bytes / MIN_SPEED) * 1000 * this.slow;
  }
}
