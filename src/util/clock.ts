// SPDX-License-Identifier: Apache-2.0
// The one monotonic clock of a run: every stream is stamped from it.

export interface Clock {
  /** Milliseconds since the clock was made, with microseconds behind the point. */
  now(): number;
  /** Wall-clock time at which the clock was made. */
  readonly startedAt: Date;
}

export function startClock(): Clock {
  const zero = process.hrtime.bigint();
  return { startedAt: new Date(), now: () => Number((process.hrtime.bigint() - zero) / 1000n) / 1000 };
}
