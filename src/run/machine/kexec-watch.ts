// SPDX-License-Identifier: Apache-2.0
// Detects the kexec jump on the console. Only a line that comes while the watch is armed counts. If a breakpoint has
// stopped the machine at its jump, the lab may read the old kernel's last line only while it waits for the next kernel:
// that line must not count as a jump of the next kernel.
import { deferred } from '../../util/deadline.js';

export class KexecWatch {
  private state: 'idle' | 'armed' | 'missed' = 'idle';
  private jump = deferred<void>();

  /** The lab asks the running kernel to jump. */
  arm(): void {
    this.state = 'armed';
    this.jump = deferred();
  }

  /** The kernel has refused. */
  disarm(): void {
    this.state = 'idle';
  }

  /** Resolves with the old kernel's last line, or else with the next kernel's first one. */
  get left(): Promise<void> {
    return this.jump.promise;
  }

  /** The next kernel booted, and the old one's last line was never seen: on a busy host the console can lose it. */
  get missed(): boolean {
    return this.state === 'missed';
  }

  /** "Starting new kernel". */
  onKexecStart(): void {
    if (this.state === 'armed') this.jump.resolve();
    this.state = 'idle';
  }

  /**
   * A kernel boots, and the last line of the one before was not seen.
   * @returns true if an update was under way, so that this is the next kernel; false if the machine booted cold
   */
  onBootWithout(): boolean {
    if (this.state !== 'armed') return false;
    this.state = 'missed';
    this.jump.resolve();
    return true;
  }

  /** The firmware prints: the machine was reset, so the next boot is not the kernel that kexec loaded. */
  onReset(): void {
    this.state = 'idle';
  }
}
