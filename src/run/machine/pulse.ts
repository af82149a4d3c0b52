// SPDX-License-Identifier: Apache-2.0
// The life of one machine: when it last showed progress, and how long the host kept it from running.
import type { HostTimes } from '../../qemu/host-time.js';
import type { Pulse } from '../../util/pulse.js';

/** The host is asked at least this often, milliseconds: what stopped QEMU in between is seen. */
const EVERY = 500;
/** Between two looks: the lab itself was stopped, or so busy that it could not have seen any progress. Milliseconds. */
const MISSED = 5000;
/** An answer serves for this long. */
const FRESH = 50;
/** A time stamp of a kernel's log line (kernel/printk/printk.c, print_time()). */
const STAMP = /(?:^|\n)\[ *(\d{1,9}\.\d{6})/g;
/** A kernel that says this of a processor or a task does not get on, however much it says. */
const STALL =
  /soft lockup|hard LOCKUP|detected (?:expedited )?stall|blocked for more than|workqueue lockup|kthread starved/;
/** Longest beginning of a line that is kept until the rest of it has come. */
const LONGEST_STAMP = 32;

export class MachinePulse implements Pulse {
  lastMark: number | null = null;
  heldAtMark = 0;
  private heldMs = 0;
  private ranMs = 0;
  private last: HostTimes | null;
  private lastAt = performance.now();
  /** Stopped by the lab or by QEMU itself: its monitor said so. */
  private paused = false;
  private stamp = -1;
  private rest = '';
  /** The kernel has said that it does not get on: what else it says is no progress. */
  private stalled = false;
  private readonly timer: NodeJS.Timeout | undefined;

  /** @param times what the host tells now */
  constructor(private readonly times: () => HostTimes | null) {
    this.last = times();
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

  /** Output of the console: lines of the kernel's log whose time goes on are progress. */
  console(chunk: Buffer): void {
    const text = this.rest + chunk.toString('latin1');
    const line = text.lastIndexOf('\n');
    this.rest = text.slice(Math.max(0, line)).slice(0, LONGEST_STAMP);
    if (STALL.test(text)) this.stalled = true;
    for (const [, stamp] of text.matchAll(STAMP)) {
      const at = Number(stamp);
      // A kernel that boots begins at zero.
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
    // Who does not look for so long was not running either: the host was asleep, or had stopped the lab.
    const missed = this.timer !== undefined && wall > MISSED ? wall - EVERY : 0;
    this.heldMs +=
      this.paused || (times?.stopped === true && last?.stopped === true)
        ? wall
        : Math.min(wall, Math.max(waited, missed));
    this.last = times;
    this.lastAt = now;
  }
}
