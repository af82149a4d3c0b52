// SPDX-License-Identifier: Apache-2.0
// Detects the kexec jump on the console. Only what is said while the watch is armed counts for that jump: where the
// machine was stopped at its jump by other means, the old kernel's last words may be read when the next kernel is being
// met, and must not be taken for words of that one.
import { deferred } from '../../util/deadline.js';

export class KexecWatch {
  private state: 'idle' | 'armed' | 'missed' = 'idle';
  private words = deferred<void>();

  /** The running kernel is asked to jump. */
  arm(): void {
    this.state = 'armed';
    this.words = deferred();
  }

  /** It has refused. */
  disarm(): void {
    this.state = 'idle';
  }

  /** Resolves with the last words of the kernel that was asked to jump, or the first ones of the next. */
  get left(): Promise<void> {
    return this.words.promise;
  }

  /** The next kernel was there before the old one's last words: on a busy host the console loses them. */
  get missed(): boolean {
    return this.state === 'missed';
  }

  /** "Starting new kernel". */
  onKexecStart(): void {
    if (this.state === 'armed') this.words.resolve();
    this.state = 'idle';
  }

  /**
   * A kernel boots without last words of the one before. True where that is the next kernel all the same; false where
   * the machine came up cold.
   */
  onBootWithout(): boolean {
    if (this.state !== 'armed') return false;
    this.state = 'missed';
    this.words.resolve();
    return true;
  }

  /** Firmware: a reset, and what boots next is not what the kexec loaded. */
  onReset(): void {
    this.state = 'idle';
  }
}
