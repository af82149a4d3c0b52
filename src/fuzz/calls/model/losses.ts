// SPDX-License-Identifier: Apache-2.0
// What a sequence gives up on purpose, or is known to lose: the verdict that a right run of it has.
import { OUTCOMES, type Outcome } from '../../../model/result/outcome.js';

export class Losses {
  readonly #outcomes = new Set<Outcome>();

  add(outcome: Outcome): void {
    this.#outcomes.add(outcome);
  }

  get outcome(): Outcome {
    return OUTCOMES.find((each) => this.#outcomes.has(each)) ?? 'preserved';
  }
}
