// SPDX-License-Identifier: Apache-2.0
// Builds the history of an IOMMU from QEMU's output.
import { printable } from '../../util/text/escape.js';
import { parseTraceLine, type TraceLine } from '../../util/text/trace-line.js';
import { EventReader, type IommuEvent, type IommuEventKind } from './trace-events.js';

export interface IommuTimeline {
  events: IommuEvent[];
  /** Events that were dropped because there were too many. */
  dropped: number;
  /** How many of those were switches of translation. Without them, nobody can tell when translation was off. */
  switchesDropped: number;
  /** Lines that are not IOMMU events, or incomplete ones. */
  unread: number;
  /** The first of these lines, at most 3. */
  unreadLines: string[];
}

/** The limit is per kind, so that a flood of faults does not hide that translation came back on. */
const MAX_EVENTS_PER_KIND = 5000;

/**
 * Reads lines as they arrive. Consecutive invalidations become one event with a count, to bound memory on a busy
 * machine.
 */
export class TimelineReader {
  readonly timeline: IommuTimeline = { events: [], dropped: 0, switchesDropped: 0, unread: 0, unreadLines: [] };
  private readonly reader = new EventReader();
  private readonly kept = new Map<IommuEventKind, number>();

  /**
   * Takes one line.
   * @param line without its line end
   */
  push(line: string): void {
    const { timeline } = this;
    if (line === '') return;
    const parsed = lineOfIommu(line);
    const event = parsed === null ? 'unread' : this.reader.read(parsed);
    if (event === null) return;
    if (event === 'unread') {
      timeline.unread++;
      if (timeline.unreadLines.length < 3) timeline.unreadLines.push(printable(line, 200));
      return;
    }
    const last = timeline.events.at(-1);
    if (event.kind === 'invalidate' && last?.kind === 'invalidate') {
      last.count++;
      last.lastMicros = event.tMicros;
      return;
    }
    const kept = this.kept.get(event.kind) ?? 0;
    if (kept >= MAX_EVENTS_PER_KIND) {
      timeline.dropped++;
      if (isSwitch(event.kind)) timeline.switchesDropped++;
      return;
    }
    this.kept.set(event.kind, kept + 1);
    timeline.events.push(event);
  }
}

/** Longer lines are none of QEMU's. */
const MAX_LINE = 2048;

/** Null for a line that says nothing of an IOMMU. */
function lineOfIommu(line: string): TraceLine | null {
  const parsed = line.length > MAX_LINE ? null : parseTraceLine(line);
  if (parsed === null || !/^(?:vtd|amdvi|virtio_iommu)/.test(parsed.name)) return null;
  return { ...parsed, text: parsed.text.trimEnd() };
}

/** Does this event turn translation of DMA on or off? */
export function isSwitch(kind: IommuEventKind): boolean {
  return kind === 'enable' || kind === 'disable';
}

/** Reads a whole trace file. QEMU was still writing a last line without an end, so it is ignored. */
export function parseTimeline(text: string): IommuTimeline {
  const reader = new TimelineReader();
  for (let at = 0; ;) {
    const end = text.indexOf('\n', at);
    if (end < 0) return reader.timeline;
    reader.push(text.slice(at, text[end - 1] === '\r' && end > at ? end - 1 : end));
    at = end + 1;
  }
}
