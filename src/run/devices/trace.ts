// SPDX-License-Identifier: Apache-2.0
// Follows QEMU's trace of the IOMMU and the devices while the machine runs, and converts it to the run's clock. The
// machine decides how long the trace gets, so everything is bounded, and what is left out is counted.
import { join } from 'node:path';
import type { DevicePlan } from '../../model/scenario/device.js';
import { type IommuEvent, TimelineReader } from '../../oracles/iommu/index.js';
import { meaningOf, parseConfigWrite, type TraceItem } from '../../oracles/pci/trace.js';
import { tracesOf } from '../../qemu/features/probe.js';
import { TRACE_FILE } from '../../qemu/hardware.js';
import { printable } from '../../util/text/escape.js';
import { LineSplitter } from '../../util/text/lines.js';
import { parseTraceLine, type TraceLine } from '../../util/text/trace-line.js';
import { FileTail } from '../../util/process/tail.js';
import type { Recorder } from '../engine/recorder.js';

/** The events that QEMU shall trace: only those that the lab reads. */
export function traceEvents(plan: DevicePlan): string[] {
  return tracesOf(plan).map(({ event }) => event);
}

/** An event of the IOMMU; `t` in milliseconds since the run began, `epoch` the kernel that ran then. */
export interface IommuMoment {
  t: number;
  epoch: number;
  event: IommuEvent;
}

/** One look at the IOMMU's own registers; `translating` is null where they did not answer. */
export interface RegisterLook {
  /** When the reads began; on a busy host they take long. */
  from: number;
  t: number;
  translating: boolean | null;
}

/** Limits: writes to configuration space that are kept, and IOMMU events that become events of the run. */
const MAX_ITEMS = 50_000;
const MAX_EVENTS = 2_000;
const LIVE_TRACE = 8 << 20;
const MAX_LINE = 1024;
/** FileTail cuts a flood off at about 32 MiB, and one look reads 4 MiB. */
const LOOKS = 10;
/** Maximum number of registers whose last value is kept. */
const MAX_REGISTERS = 10_000;
/**
 * Milliseconds by which the wall clock must have been set before it is followed: less is the time between two readings.
 */
const STEP = 20;

export class TraceLog {
  /** Writes to devices' configuration space that may say something of resets, bus mastering and memory. */
  readonly items: TraceItem[] = [];
  readonly iommu: IommuMoment[] = [];
  /** What the IOMMU's registers said meanwhile: a second source for what the trace says of translation. */
  readonly registers: RegisterLook[] = [];
  /** Lines beyond the limits, and bytes that came too fast to be read. */
  dropped = 0;
  lostBytes = 0;
  /** Lines that were understood, by kind, and lines that were not. */
  readonly read = { pci: 0, iommu: 0 };
  unread = 0;
  /** The first line that was not understood. */
  unreadLine: string | null = null;
  /** The last value written to each register: a write of the same value changes nothing. */
  private readonly written = new Map<string, number>();
  private readonly timeline = new TimelineReader();
  private counted = 0;
  private reported = 0;
  private last = 0;
  private offset: number;
  private readonly tail: FileTail;

  private constructor(
    path: string,
    private readonly recorder: Recorder,
  ) {
    this.offset = this.exactOffset();
    const lines = new LineSplitter((line) => this.take(line), MAX_LINE);
    this.tail = new FileTail({
      path,
      every: 25,
      keepBelow: LIVE_TRACE,
      onData: (chunk) => {
        if (Math.abs(Date.now() - this.recorder.clock.now() - this.offset) > STEP) this.offset = this.exactOffset();
        lines.feed(chunk);
      },
      onLost: (bytes) => {
        this.lostBytes += bytes;
      },
    });
  }

  /**
   * Starts to follow the trace; null where the plan has nothing to trace.
   * @param dir the run's private folder
   */
  static follow(plan: DevicePlan, dir: string, recorder: Recorder): TraceLog | null {
    return traceEvents(plan).length === 0 ? null : new TraceLog(join(dir, TRACE_FILE), recorder);
  }

  /** Reads all that is there now. */
  look(): void {
    for (let i = 0; i < LOOKS; i++) this.tail.look();
  }

  /** @param from when the reads began, milliseconds of the run */
  sawRegisters({ translating, from }: { translating: boolean | null; from: number }): void {
    this.registers.push({ from, t: this.recorder.clock.now(), translating });
  }

  /** The part of `all` that is new since the last call. */
  seen(all: number): number {
    const fresh = all - this.counted;
    this.counted = all;
    return fresh;
  }

  /** Switches of the translation that were too many to keep. */
  get switchesDropped(): number {
    return this.timeline.timeline.switchesDropped;
  }

  stop(): void {
    this.tail.stop();
  }

  /** A time of the run as the trace counts: microseconds of the wall clock. */
  micros(t: number): number {
    return (t + this.offset) * 1000;
  }

  /**
   * The difference between the wall clock and the run's clock, in milliseconds. Node's wall clock has whole
   * milliseconds, so this waits for the next one to begin.
   */
  private exactOffset(): number {
    const begun = Date.now();
    let now = begun;
    while (now === begun) now = Date.now();
    return now - this.recorder.clock.now();
  }

  private take(line: string): void {
    if (line === '') return;
    const parsed = parseTraceLine(line);
    if (parsed === null || parsed.tMicros === null || parsed.source === 'error') {
      this.missed(line);
      return;
    }
    // The lines are in QEMU's order; a wall clock that is set back must not change it.
    const t = Math.max(
      this.last,
      Math.round(Math.min(this.recorder.clock.now(), parsed.tMicros / 1000 - this.offset) * 1000) / 1000,
    );
    this.last = t;
    if (parsed.name.startsWith('pci_')) this.takePci(line, parsed, t);
    else this.takeIommu(line, t);
  }

  /** Most writes do not matter here. They are not kept, so that they cannot crowd out the others. */
  private takePci(line: string, { name, text }: TraceLine, t: number): void {
    const write = parseConfigWrite(text);
    if (write === null) {
      this.missed(line);
      return;
    }
    this.read.pci++;
    const meaning = meaningOf(write);
    if (meaning === null) return;
    const register = `${write.address} ${write.offset}`;
    if (meaning === 'switch' && this.written.get(register) === write.value) return;
    const room = this.written.size < MAX_REGISTERS;
    if (room) this.written.set(register, write.value);
    if (!room || this.items.length >= MAX_ITEMS) {
      this.dropped++;
      return;
    }
    this.items.push({ t, epoch: this.recorder.epochAt(t), event: name, text });
  }

  private takeIommu(line: string, t: number): void {
    const { timeline } = this.timeline;
    const [before, unread] = [timeline.events.length, timeline.unread];
    this.timeline.push(line);
    if (timeline.unread > unread) this.missed(line);
    else this.read.iommu++;
    const event = timeline.events[before];
    if (event === undefined) return;
    this.iommu.push({ t, epoch: this.recorder.epochAt(t), event });
    if (event.kind !== 'command' && this.reported++ < MAX_EVENTS)
      this.recorder.event(
        { kind: 'iommu', what: event.kind, detail: printable(`${event.name} ${event.detail}`, 300) },
        t,
      );
  }

  private missed(line: string): void {
    this.unread++;
    this.unreadLine ??= printable(line, 200);
  }
}
