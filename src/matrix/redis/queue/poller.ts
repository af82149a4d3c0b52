// SPDX-License-Identifier: Apache-2.0
// Asks Redis again and again, in case an event is lost.

/** Runs one poll at a time. A request during a poll starts another one after it. */
export class Poller {
  private readonly timer: NodeJS.Timeout;
  private current: Promise<void> | null = null;
  private isAskedAgain = false;
  private isStopped = false;

  /**
   * @param everyMs milliseconds between two polls
   * @param isReady whether the server can be asked now
   * @param once one poll; after an error, the next one asks again
   */
  constructor(
    everyMs: number,
    private readonly isReady: () => boolean,
    private readonly once: () => Promise<void>,
  ) {
    this.timer = setInterval(() => this.poll(), everyMs);
  }

  poll(): void {
    if (this.current !== null) {
      this.isAskedAgain = true;
      return;
    }
    if (this.isStopped || !this.isReady()) return;
    this.isAskedAgain = false;
    this.current = this.once()
      .catch(() => undefined)
      .finally(() => {
        this.current = null;
        if (this.isAskedAgain) this.poll();
      });
  }

  /** Starts no further poll. */
  stop(): void {
    this.isStopped = true;
    clearInterval(this.timer);
  }

  /** Resolves when the poll that runs now, if one does, has ended. */
  async idle(): Promise<void> {
    await this.current;
  }
}
