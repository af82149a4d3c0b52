// SPDX-License-Identifier: Apache-2.0
// What an IOMMU did when, from what QEMU wrote about it.
import { printable } from '../../util/text/escape.js';
import { EventReader, type IommuEvent, type IommuEventKind } from './trace-events.js';
import { parseTraceLine } from './trace-line.js';

export interface IommuTimeline {
  events: IommuEvent[];
  /** Events that were left out because there were too many. */
  dropped: number;
  /** Of them, switches of the translation: without those nobody can tell when it was off. */
  switchesDropped: number;
  /** Lines that are no events of an IOMMU, or cut ones. */
  unread: number;
  /** The first of them, for a reader; at most 3. */
  unreadLines: string[];
}

/** Of each kind, so that a flood of faults does not hide that translation came on again. */
const MOST_OF_A_KIND = 5000;

/**
 * Reads lines as they come. Repeated invalidations become one event with a count, so that a busy machine needs no room.
 */
export class TimelineReader {
  readonly timeline: IommuTimeline = { events: [], dropped: 0, switchesDropped: 0, unread: 0, unreadLines: [] };
  private readonly reader = new EventReader();
  private readonly kept = new Map<IommuEventKind, number>();

  /** @param line without its end */
  push(line: string): void {
    const { timeline } = this;
    if (line === '') return;
    const parsed = parseTraceLine(line);
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
    if (kept >= MOST_OF_A_KIND) {
      timeline.dropped++;
      if (isSwitch(event.kind)) timeline.switchesDropped++;
      return;
    }
    this.kept.set(event.kind, kept + 1);
    timeline.events.push(event);
  }
}

/** Translation of DMA goes on or off. */
export function isSwitch(kind: IommuEventKind): boolean {
  return kind === 'enable' || kind === 'disable';
}

/** @param text of a trace file; a last line without an end was not written to its end, and is left out */
export function parseTimeline(text: string): IommuTimeline {
  const reader = new TimelineReader();
  for (let at = 0; ;) {
    const end = text.indexOf('\n', at);
    if (end < 0) return reader.timeline;
    reader.push(text.slice(at, text[end - 1] === '\r' && end > at ? end - 1 : end));
    at = end + 1;
  }
}
