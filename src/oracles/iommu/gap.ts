// SPDX-License-Identifier: Apache-2.0
// Measures how long translation was off. During that time, a device that keeps writing writes to raw physical
// addresses.
import type { IommuEvent } from './trace-events.js';

/** Microseconds of the host's clock. `toMicros` is null if translation was still off at the end. */
export interface OffInterval {
  fromMicros: number;
  toMicros: number | null;
}

export interface Gap {
  /**
   * `kept`: translation stayed on. `gap`: it was off and came back. `open`: it did not come back. `off`: it was already
   * off when the kexec began.
   */
  state: 'kept' | 'gap' | 'open' | 'off';
  /** Total time off in milliseconds; null if it is still off (`open`, `off`). */
  ms: number | null;
  intervals: OffInterval[];
}

const MAX_INTERVALS = 64;

/**
 * Measures the gap of one kexec.
 * @param events those without a timestamp are ignored
 * @param fromMicros start of the kexec
 * @param untilMicros where to stop: the next kexec, or the end
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
      if (intervals.length < MAX_INTERVALS) intervals.push({ fromMicros: off, toMicros: tMicros });
      off = null;
    }
  }
  if (off !== null && intervals.length < MAX_INTERVALS) intervals.push({ fromMicros: off, toMicros: null });
  const state = wasOff ? 'off' : off !== null ? 'open' : intervals.length > 0 ? 'gap' : 'kept';
  return { state, ms: off === null ? total / 1000 : null, intervals };
}

/**
 * Returns the last root that was set before a time, and whether translation was on then. A walk at that time starts
 * here.
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
