// SPDX-License-Identifier: Apache-2.0
// QEMU's trace of the IOMMU and the devices, followed while the machine runs and put on the run's clock. The machine decides how much
// there is of it, so all of it is bounded; what is left out is counted.
import { join } from 'node:path';
import type { DevicePlan } from '../model/device.js';
import { TRACE_FILE, traceEvents } from '../qemu/hardware.js';
import { parseTraceLine } from '../qemu/trace-line.js';
import { printable } from '../util/escape.js';
import { LineSplitter } from '../util/lines.js';
import { FileTail } from '../util/tail.js';
import type { Recorder } from './recorder.js';

/** Milliseconds since the run began; the kernel that ran then. */
export interface TraceEntry {
  t: number;
  epoch: number;
  event: string;
  text: string;
}

/** Lines that are kept for the oracles, and of those the ones that also become events of the run. */
const MOST_KEPT = 50_000;
const MOST_EVENTS = 2_000;
const LIVE_TRACE = 8 << 20;
const LONGEST_LINE = 1024;
/** Milliseconds by which the wall clock must have been set before it is followed: less is the time between two readings. */
const STEP = 20;
/** Traces that are too many to be events of their own: the oracles alone read them. */
const QUIET = /^(pci_cfg_write|pci_update_mappings_|vtd_inv_desc_|amdvi_mmio_write|amdvi_pages_inval|virtio_iommu_(un)?map)/;

export class TraceLog {
  readonly entries: TraceEntry[] = [];
  /** Lines beyond the limit, and bytes that a flood outran. */
  dropped = 0;
  lostBytes = 0;
  private events = 0;
  private last = 0;
  private offset: number;
  private readonly tail: FileTail;

  private constructor(path: string, private readonly recorder: Recorder) {
    this.offset = this.exactOffset();
    const lines = new LineSplitter((line) => this.take(line), LONGEST_LINE);
    this.tail = new FileTail({
      path, every: 25, keepBelow: LIVE_TRACE,
      onData: (chunk) => {
        if (Math.abs(Date.now() - this.recorder.clock.now() - this.offset) > STEP) this.offset = this.exactOffset();
        lines.feed(chunk);
      },
      onLost: (bytes) => {
        this.lostBytes += bytes;
      },
    });
  }

  /** Null where the plan has nothing to trace. @param dir the run's private folder */
  static follow(plan: DevicePlan, dir: string, recorder: Recorder): TraceLog | null {
    return traceEvents(plan).length === 0 ? null : new TraceLog(join(dir, TRACE_FILE), recorder);
  }

  /** Reads what is there now. */
  look(): void {
    this.tail.look();
  }

  stop(): void {
    this.tail.stop();
  }

  /** What must be taken from the wall clock's milliseconds to get those of the run. Node tells whole ones: waits for the next to begin. */
  private exactOffset(): number {
    const begun = Date.now();
    let now = begun;
    while (now === begun) now = Date.now();
    return now - this.recorder.clock.now();
  }

  private take(line: string): void {
    const parsed = parseTraceLine(line);
    if (parsed === null) return;
    if (this.entries.length >= MOST_KEPT) {
      this.dropped++;
      return;
    }
    // The order of the lines is QEMU's; a wall clock that was set back must not turn it round.
    const t = Math.max(this.last, Math.round(Math.min(this.recorder.clock.now(), parsed.wallMs - this.offset) * 1000) / 1000);
    this.last = t;
    const text = printable(parsed.text, 300);
    this.entries.push({ t, epoch: this.recorder.epochAt(t), event: parsed.event, text });
    if (QUIET.test(parsed.event) || this.events++ >= MOST_EVENTS) return;
    this.recorder.event({ kind: 'trace', trace: parsed.event, text }, t);
  }
}
