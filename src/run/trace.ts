// SPDX-License-Identifier: Apache-2.0
// QEMU's trace of the IOMMU and the devices, followed while the machine runs and put on the run's clock. The machine decides how much
// there is of it, so all of it is bounded; what is left out is counted.
import { join } from 'node:path';
import type { DevicePlan } from '../model/device.js';
import { type IommuEvent, TimelineReader, TRACE_EVENTS } from '../oracles/iommu/index.js';
import type { TraceItem } from '../oracles/pci-trace.js';
import { TRACE_FILE } from '../qemu/hardware.js';
import { parseTraceLine } from '../qemu/trace-line.js';
import { printable } from '../util/escape.js';
import { LineSplitter } from '../util/lines.js';
import { FileTail } from '../util/tail.js';
import type { Recorder } from './recorder.js';

/** What is done to devices: writes to configuration space turn bus mastering and memory on and off, and reset a device or the bus that it is on. */
const DEVICE_TRACES = ['pci_cfg_write'];

/** What QEMU is to trace: only what somebody reads. */
export function traceEvents({ iommu, devices }: DevicePlan): string[] {
  return [...(iommu.kind === 'none' ? [] : TRACE_EVENTS[iommu.kind]), ...(devices.length > 0 ? DEVICE_TRACES : [])];
}

/** An event of the IOMMU; `t` in milliseconds since the run began, `epoch` the kernel that ran then. */
export interface IommuMoment {
  t: number;
  epoch: number;
  event: IommuEvent;
}

/** Writes to configuration space that are kept, and events of the IOMMU that become events of the run. */
const MOST_ITEMS = 50_000;
const MOST_EVENTS = 2_000;
const LIVE_TRACE = 8 << 20;
const LONGEST_LINE = 1024;
/** Milliseconds by which the wall clock must have been set before it is followed: less is the time between two readings. */
const STEP = 20;

export class TraceLog {
  /** Writes to devices' configuration space. */
  readonly items: TraceItem[] = [];
  readonly iommu: IommuMoment[] = [];
  /** Lines beyond the limits, and bytes that a flood outran. */
  dropped = 0;
  lostBytes = 0;
  private readonly timeline = new TimelineReader();
  private told = 0;
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

  /** A time of the run as the trace counts: microseconds of the wall clock. */
  micros(t: number): number {
    return (t + this.offset) * 1000;
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
    // The order of the lines is QEMU's; a wall clock that was set back must not turn it round.
    const t = Math.max(this.last, Math.round(Math.min(this.recorder.clock.now(), parsed.wallMs - this.offset) * 1000) / 1000);
    this.last = t;
    const epoch = this.recorder.epochAt(t);
    if (parsed.event.startsWith('pci_')) {
      if (this.items.length < MOST_ITEMS) this.items.push({ t, epoch, event: parsed.event, text: parsed.text });
      else this.dropped++;
      return;
    }
    const { events } = this.timeline.timeline;
    const before = events.length;
    this.timeline.push(line);
    const event = events[before];
    if (event === undefined) return;
    this.iommu.push({ t, epoch, event });
    if (event.kind !== 'command' && this.told++ < MOST_EVENTS) this.recorder.event({ kind: 'iommu', what: event.kind, detail: printable(`${event.name} ${event.detail}`, 300) }, t);
  }
}
