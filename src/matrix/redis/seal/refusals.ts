// SPDX-License-Identifier: Apache-2.0
// Counts the messages that were refused, and shows them: the first ones each, then one line for twice as many.
import { printable } from '../../../util/text/escape.js';

const MAX_SHOWN = 10;

export class Refusals {
  private total = 0;

  constructor(private readonly note: (text: string) => void) {}

  get count(): number {
    return this.total;
  }

  /** @param what such as "the result of m1/c-1/1" */
  add(what: string, why: string): void {
    this.total++;
    if (this.total <= MAX_SHOWN || Number.isInteger(Math.log2(this.total)))
      this.note(`refused ${printable(what, 200)}: ${printable(why, 200)} (${this.total} refused so far)`);
  }
}
