// SPDX-License-Identifier: Apache-2.0
// Asks Redis again and again, in case an event is lost.

/** Milliseconds between two polls. */
const POLL_MS = 2000;

/** Runs one poll at a time. A request during a poll starts another one after it. */
export class Poller {
  private readonly timer: NodeJS.Timeout;
  private current: Promise<void> | null = null;
  private isAskedAgain = false;
  private isStopped = false;

  /**
   * @param isReady whether the server can be asked now
   * @param once one poll; after an error, the next one asks again
   */
  constructor(
    private readonly isReady: () => boolean,
    private readonly once: () => Promise<void>,
  ) {
    this.timer = setInterval(() => this.poll(), POLL_MS);
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
