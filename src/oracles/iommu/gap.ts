// SPDX-License-Identifier: Apache-2.0
// The time in which translation was off: a device that still writes then writes to raw physical addresses.
import type { IommuEvent } from './trace-events.js';

/** `toMicros` null: still off at the end. Microseconds by the host's clock. */
export interface OffInterval {
  fromMicros: number;
  toMicros: number | null;
}

export interface Gap {
  /**
   * `kept`: translation stayed on. `gap`: it was off and came on again. `open`: it did not come on again. `off`: it was
   * not on when the kexec began.
   */
  state: 'kept' | 'gap' | 'open' | 'off';
  /** Milliseconds in which it was off, all intervals together; null while it is off (`open`, `off`). */
  ms: number | null;
  intervals: OffInterval[];
}

const MOST_INTERVALS = 64;

/**
 * The gap of one kexec.
 * @param events with timestamps; those without are left out
 * @param fromMicros when the kexec began
 * @param untilMicros when to stop looking: the next kexec, or the end
 */
export function gap(events: readonly IommuEvent[], fromMicros: number, untilMicros = Infinity): Gap {
  const switches = events.filter(
    ({ kind, tMicros }) => tMicros !== null && tMicros <= untilMicros && (kind === 'enable' || kind === 'disable'),
  ) as (IommuEvent & { tMicros: number })[];
  const before = switches.filter(({ tMicros }) => tMicros < fromMicros).at(-1);
  const intervals: OffInterval[] = [];
  let off: number | null = before?.kind === 'enable' ? null : fromMicros;
  const wasOff = off !== null;
  let total = 0;
  for (const { kind, tMicros } of switches) {
    if (tMicros < fromMicros) continue;
    if (kind === 'disable') off ??= tMicros;
    else if (off !== null) {
      total += Math.max(0, tMicros - off);
      if (intervals.length < MOST_INTERVALS) intervals.push({ fromMicros: off, toMicros: tMicros });
      off = null;
    }
  }
  if (off !== null && intervals.length < MOST_INTERVALS) intervals.push({ fromMicros: off, toMicros: null });
  const state = wasOff ? 'off' : off !== null ? 'open' : intervals.length > 0 ? 'gap' : 'kept';
  return { state, ms: off === null ? total / 1000 : null, intervals };
}

/**
 * The last root that was set before a time, and whether translation was on then: what a walk at that time begins with.
 */
export function rootAt(
  events: readonly IommuEvent[],
  tMicros = Infinity,
): { root: NonNullable<IommuEvent['root']>; enabled: boolean } | null {
  let root: IommuEvent['root'];
  let enabled = false;
  for (const event of events) {
    if (event.tMicros !== null && event.tMicros > tMicros) break;
    root = event.root ?? root;
    if (event.kind === 'enable' || event.kind === 'disable') enabled = event.kind === 'enable';
  }
  return root === undefined ? null : { root, enabled };
}
