// SPDX-License-Identifier: Apache-2.0
// The moment at which a kernel leaves, as the console tells it. Only what is said once a jump is due counts for that
// jump: where the machine was stopped at its jump by other means, the old kernel's last words may be read when the next
// kernel is being met, and must not be taken for words of that one.
import { deferred } from '../../util/deadline.js';

export class Leaving {
  private state: 'none' | 'due' | 'unseen' = 'none';
  private words = deferred<void>();

  /** The running kernel is asked to jump, or has refused. */
  due(due: boolean): void {
    this.state = due ? 'due' : 'none';
    if (due) this.words = deferred();
  }

  /** Resolves with the last words of the kernel that was asked to jump, or the first ones of the next. */
  get left(): Promise<void> {
    return this.words.promise;
  }

  /** The next kernel was there before the old one's last words: on a busy host the console loses them. */
  get unseen(): boolean {
    return this.state === 'unseen';
  }

  /** "Starting new kernel". */
  sawLastWords(): void {
    if (this.state === 'due') this.words.resolve();
    this.state = 'none';
  }

  /**
   * A kernel boots of which no last words told. True where that is the next kernel all the same; false where the
   * machine came up cold.
   */
  sawBootWithout(): boolean {
    if (this.state !== 'due') return false;
    this.state = 'unseen';
    this.words.resolve();
    return true;
  }

  /** Firmware: a reset, and what boots next is not what the kexec loaded. */
  sawReset(): void {
    this.state = 'none';
  }
}
