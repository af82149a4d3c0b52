// SPDX-License-Identifier: Apache-2.0
// Admits machines while their memory fits, first come, first served, so that small machines cannot starve a large one.

export class MemoryGate {
  private used = 0;
  private readonly waiting: { bytes: number; enter: () => void }[] = [];

  /**
   * Creates a gate.
   * @param total bytes that all admitted machines may use together
   */
  constructor(readonly total: number) {}

  /** True if a machine of this size can never be admitted. */
  excludes(bytes: number): boolean {
    return bytes > this.total;
  }

  /** Waits for room, and resolves with a function that returns it. Rejects with the signal's reason. */
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
