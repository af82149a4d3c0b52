// SPDX-License-Identifier: Apache-2.0
// Remembers which jobs were taken, so that none runs twice. The memory is bounded: when it is full, the oldest jobs are
// forgotten, and from then on everything as old as they are is refused.

/** Milliseconds after which a job is too old. Redis keeps nothing of the lab for longer. */
const MAX_AGE_MS = 7 * 86_400_000;
/** Milliseconds that the clock of the matrix may be ahead. */
const MAX_AHEAD_MS = 10 * 60_000;
const MAX_NONCES = 100_000;

export class SeenNonces {
  /** Nonces with the time of issue, in the order in which they came. */
  private readonly seen = new Map<string, number>();
  /** Everything that was issued until then counts as seen. */
  private floor = -Infinity;

  constructor(private readonly most = MAX_NONCES) {}

  get size(): number {
    return this.seen.size;
  }

  /** Marks a nonce as used. Returns why it cannot be used, or null. */
  use(nonce: string, issuedAt: number, now = Date.now()): string | null {
    if (issuedAt > now + MAX_AHEAD_MS)
      return `it is dated ${Math.round((issuedAt - now) / 1000)} s in the future: compare the clocks of both hosts`;
    if (issuedAt < now - MAX_AGE_MS || issuedAt <= this.floor) return 'it is too old';
    if (this.seen.has(nonce)) return 'it was taken before: a replay, or this worker lost it in between';
    this.seen.set(nonce, issuedAt);
    if (this.seen.size > this.most) this.forget();
    return null;
  }

  private forget(): void {
    const times = [...this.seen.values()].sort((a, b) => a - b);
    this.floor = times[times.length >> 1] as number;
    for (const [nonce, issuedAt] of this.seen) if (issuedAt <= this.floor) this.seen.delete(nonce);
  }
}
