// SPDX-License-Identifier: Apache-2.0
// The monotonic clock of a run. Every stream takes its timestamps from it.

export interface Clock {
  /** Milliseconds since the clock was made, with microseconds behind the decimal point. */
  now(): number;
  /** Wall-clock time when the clock was made. */
  readonly startedAt: Date;
}

export function startClock(): Clock {
  const zero = process.hrtime.bigint();
  return { startedAt: new Date(), now: () => Number((process.hrtime.bigint() - zero) / 1000n) / 1000 };
}
