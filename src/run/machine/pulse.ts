// SPDX-License-Identifier: Apache-2.0
// The pulse of one machine: when it last showed progress, and how long the host kept it from running.
import type { HostTimes } from '../../qemu/host-time.js';
import { blockedMs } from '../../util/loop/meter.js';
import type { Pulse } from '../../util/pulse.js';

/** Milliseconds between two looks at the host's figures, so that a stop of QEMU in between is noticed. */
const EVERY = 500;
/** If more milliseconds pass between two looks, the lab itself was stopped, or too busy to see any progress. */
const MISSED = 5000;
/** Milliseconds for which a look serves. */
const FRESH = 50;
/** A time stamp of a kernel's log line (kernel/printk/printk.c, print_time()). */
const STAMP = /(?:^|\n)\[ *(\d{1,9}\.\d{6})/g;
/** A kernel that prints this about a processor or a task makes no progress, however much it prints. */
const STALL =
  /soft lockup|hard LOCKUP|detected (?:expedited )?stall|blocked for more than|workqueue lockup|kthread starved/;
/** Characters of an unfinished line that are kept until the rest arrives. */
const MAX_STAMP = 32;

export class MachinePulse implements Pulse {
  lastMark: number | null = null;
  heldAtMark = 0;
  private heldMs = 0;
  private ranMs = 0;
  private last: HostTimes | null;
  private lastAt = performance.now();
  private blockedBefore: number;
  /** The lab or QEMU has stopped the machine, as QEMU's monitor reported. */
  private paused = false;
  private stamp = -1;
  private rest = '';
  /** The kernel has reported a stall: what else it prints is no progress. */
  private stalled = false;
  private readonly timer: NodeJS.Timeout | undefined;

  /**
   * @param times reads the host's current figures
   * @param blocked milliseconds in which the lab's own loop was blocked so far
   */
  constructor(
    private readonly times: () => HostTimes | null,
    private readonly blocked: () => number = blockedMs,
  ) {
    this.last = times();
    this.blockedBefore = blocked();
    if (this.last === null) return;
    this.timer = setInterval(() => this.sample(0), EVERY);
    this.timer.unref();
  }

  held(): number {
    this.sample(FRESH);
    return this.heldMs;
  }

  get stopped(): boolean {
    return this.last?.stopped === true;
  }

  processor(): number | null {
    this.sample(FRESH);
    return this.last === null ? null : this.ranMs;
  }

  mark(): void {
    this.heldAtMark = this.held();
    this.lastMark = performance.now();
  }

  /** Takes console output. Lines of the kernel's log with a later time stamp are progress. */
  console(chunk: Buffer): void {
    const text = this.rest + chunk.toString('latin1');
    const line = text.lastIndexOf('\n');
    this.rest = text.slice(Math.max(0, line)).slice(0, MAX_STAMP);
    if (STALL.test(text)) this.stalled = true;
    for (const [, stamp] of text.matchAll(STAMP)) {
      const at = Number(stamp);
      // A booting kernel starts at zero.
      const next = at < 1 && this.stamp > 1;
      if (next) this.stalled = false;
      if (at <= this.stamp && !next) continue;
      this.stamp = at;
      if (!this.stalled) this.mark();
    }
  }

  pause(paused: boolean): void {
    this.sample(0);
    this.paused = paused;
  }

  end(): void {
    clearInterval(this.timer);
  }

  private sample(fresh: number): void {
    const now = performance.now();
    const wall = now - this.lastAt;
    if (wall < fresh) return;
    const { last } = this;
    const times = this.times();
    let [ran, waited] = [0, 0];
    for (const [thread, { ran: has, waited: hasWaited }] of times?.threads ?? []) {
      const before = last?.threads.get(thread);
      ran += has - (before?.ran ?? 0);
      // The thread that waited longest kept the others waiting.
      waited = Math.max(waited, hasWaited - (before?.waited ?? 0));
    }
    this.ranMs += ran;
    // A lab that did not look for that long was not running either: the host was asleep, or had stopped the lab.
    // A lab whose own loop was blocked saw no progress either.
    const blocked = this.blocked();
    const missed = this.timer !== undefined && wall > MISSED ? wall - EVERY : 0;
    this.heldMs +=
      this.paused || (times?.stopped === true && last?.stopped === true)
        ? wall
        : Math.min(wall, Math.max(waited, missed, blocked - this.blockedBefore));
    this.blockedBefore = blocked;
    this.last = times;
    this.lastAt = now;
  }
}
