// SPDX-License-Identifier: Apache-2.0
// Tracks which kernel prints. After a kexec, a new epoch is expected; without one, it is a cold boot.
import { z } from 'zod';
import { parseJson } from '../util/json.js';
import type { Mark } from './types.js';

/** Kernel releases look like 7.3.4, 7.3.4-lab+, 6.19.0-rc3. */
const BOOT = /^Linux version (\d+\.\d+\S{0,80})(?: |$)/;
const KEXEC = /^(?:kexec_core: |kexec: )?Starting new kernel$/;
const FIRMWARE = /^(?:SeaBIOS \(version|BdsDxe: |UEFI firmware \(version|qboot )/;
const READY = 'LAB-READY ';

export class EpochTracker {
  private boots = 0;
  private kexecStarted = false;

  /** The kernel that prints now; 0 before the first kernel and in its firmware. */
  get epoch(): number {
    return Math.max(0, this.boots - 1);
  }

  /**
   * Reads one message.
   * @param stamp seconds on the kernel's clock, if the line has a time stamp; a kernel's first line has 0
   */
  see(
    message: string,
    line: number,
    { fromKernel, stamp }: { fromKernel: boolean; stamp: number | null },
  ): Mark | null {
    if (message.startsWith(READY))
      return {
        type: 'mark',
        kind: 'ready',
        line,
        epoch: this.epoch,
        json: parseJson(message.slice(READY.length), z.unknown()),
      };
    if (stamp === null && FIRMWARE.test(message)) {
      // Firmware output means a reset: the next kernel was not started by a kexec.
      this.kexecStarted = false;
      return { type: 'mark', kind: 'firmware', line, epoch: this.epoch, banner: message.slice(0, 120) };
    }
    if (!fromKernel) return null;
    if (KEXEC.test(message)) {
      this.kexecStarted = true;
      return { type: 'mark', kind: 'kexec-start', line, epoch: this.epoch };
    }
    // `cat /proc/version` prints the same line, but later.
    const boot = stamp === null || stamp < 1 ? BOOT.exec(message) : null;
    return boot === null ? null : this.boot(boot[1] ?? '', line);
  }

  /** The kernel of `epoch` runs although its first line was not printed. */
  reached(epoch: number): void {
    this.boots = Math.max(this.boots, epoch + 1);
    this.kexecStarted = false;
  }

  private boot(release: string, line: number): Mark {
    const how = this.boots === 0 ? 'first' : this.kexecStarted ? 'kexec' : 'cold';
    this.boots += 1;
    this.kexecStarted = false;
    return { type: 'mark', kind: 'boot', line, epoch: this.epoch, release, how };
  }
}
