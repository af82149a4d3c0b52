// SPDX-License-Identifier: Apache-2.0
// Lets machines in as long as their memory fits, in the order in which they came: a large one is not overtaken for ever
// by small ones.

export class MemoryGate {
  private used = 0;
  private readonly waiting: { bytes: number; enter: () => void }[] = [];

  /** @param total bytes that all who are in may have together */
  constructor(readonly total: number) {}

  /** True where it can never be let in. */
  excludes(bytes: number): boolean {
    return bytes > this.total;
  }

  /** Resolves, once there is room, with what gives the room back. Rejects with the signal's reason. */
  async enter(bytes: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const entry = { bytes, enter: () => (signal.removeEventListener('abort', leave), resolve()) };
      const leave = () => {
        const at = this.waiting.indexOf(entry);
        if (at >= 0) this.waiting.splice(at, 1);
        reject(signal.reason as Error);
        this.admit();
      };
      signal.addEventListener('abort', leave, { once: true });
      this.waiting.push(entry);
      this.admit();
    });
    let inside = true;
    return () => {
      if (inside) this.used -= bytes;
      inside = false;
      this.admit();
    };
  }

  private admit(): void {
    for (
      let next = this.waiting[0];
      next !== undefined && this.used + next.bytes <= this.total;
      next = this.waiting[0]
    ) {
      this.waiting.shift();
      this.used += next.bytes;
      next.enter();
    }
  }
}
