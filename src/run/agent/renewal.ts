// SPDX-License-Identifier: Apache-2.0
// What makes a machine differ from all others that were resumed from the same saved state.
import { randomBytes } from 'node:crypto';

/** Arguments of the agent's operation `renew`. */
export interface Renewal {
  /** Seconds since 1970, a point, and nine digits of nanoseconds. */
  time: string;
  /** 16 to 64 random bytes in hexadecimal. */
  seed: string;
}

const SEED_BYTES = 32;

/** The time of day, and fresh random bytes. */
export function freshRenewal(): Renewal {
  const now = Date.now();
  const nanos = (now % 1000) * 1_000_000;
  return {
    time: `${Math.floor(now / 1000)}.${String(nanos).padStart(9, '0')}`,
    seed: randomBytes(SEED_BYTES).toString('hex'),
  };
}
