// SPDX-License-Identifier: Apache-2.0
// Shares the host's cores between several matrices: a machine runs only while it holds one of as many locks as there
// are cores. A lock is released when its process ends, however that happens.
import { join } from 'node:path';
import { acquireLock, type Lock, tryLock } from '../util/process/lock.js';

export class HostSlots {
  /**
   * Creates the slots.
   * @param dir folder of the locks, one for the host
   * @param count how many machines the host runs at once
   */
  constructor(
    private readonly dir: string,
    private readonly count: number,
    private readonly onWait: () => void = () => undefined,
  ) {}

  async acquire(signal: AbortSignal): Promise<Lock> {
    for (let n = 0; n < this.count; n++) {
      const lock = await tryLock(this.path(n), signal);
      if (lock !== null) return lock;
    }
    // All are taken: queue up for a random one.
    this.onWait();
    return acquireLock(this.path(Math.floor(Math.random() * this.count)), { signal });
  }

  private path(n: number): string {
    return join(this.dir, `machine-${n}`);
  }
}
