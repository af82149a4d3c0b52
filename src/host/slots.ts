// SPDX-License-Identifier: Apache-2.0
// Two matrices on one host share its cores: a machine runs only under one of as many locks as there are cores. A lock
// goes with its process, however that ends.
import { join } from 'node:path';
import { acquireLock, type Lock, tryLock } from '../util/process/lock.js';

export class HostSlots {
  /**
   * @param dir folder of the locks, one for the host
   * @param count machines that the host carries at once
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
    // All are taken: queue up at one of them, not always the same.
    this.onWait();
    return acquireLock(this.path(Math.floor(Math.random() * this.count)), { signal });
  }

  private path(n: number): string {
    return join(this.dir, `machine-${n}`);
  }
}
