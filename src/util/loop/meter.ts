// SPDX-License-Identifier: Apache-2.0
// Measures for how long the event loop of this process was blocked. While it is, the lab sees no progress of any
// machine, so no deadline may count that time.
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Milliseconds between two looks. */
const EVERY = 20;
/** A look that is later than this was blocked; anything less is the timer's own jitter. Milliseconds. */
const MIN_BLOCK = 50;

/** How late the event loop of a process was, in milliseconds. */
export interface LoopDelay {
  p99: number;
  max: number;
}

// Taken here, so that a test with its own clock does not stop this one.
const { setInterval: startTimer } = globalThis;
const { hrtime } = process;
const now = (): number => Number(hrtime.bigint()) / 1e6;

let last: number | null = null;
let sum = 0;

function look(): void {
  sum += sinceLook();
  last = now();
}

function sinceLook(): number {
  const late = last === null ? 0 : now() - last - EVERY;
  return late > MIN_BLOCK ? late : 0;
}

/** Milliseconds in which the loop was blocked since the first call. */
export function blockedMs(): number {
  if (last === null) {
    last = now();
    startTimer(look, EVERY).unref();
  }
  // A timer that runs before the next look already counts the block that delayed it.
  return sum + sinceLook();
}

/** Measures the delay of the loop until `stop`. */
export function measureLoop(): { delay: () => LoopDelay; stop: () => void } {
  blockedMs();
  const histogram = monitorEventLoopDelay({ resolution: EVERY });
  histogram.enable();
  // The histogram includes its own interval.
  const late = (ns: number): number => Math.max(0, Math.round(ns / 1e6) - EVERY);
  return {
    delay: () =>
      histogram.count === 0 ? { p99: 0, max: 0 } : { p99: late(histogram.percentile(99)), max: late(histogram.max) },
    stop: () => void histogram.disable(),
  };
}
