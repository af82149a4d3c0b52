// SPDX-License-Identifier: Apache-2.0
// Choices of one intent: each takes the next of its numbers. Smaller numbers are simpler choices, so that a sequence
// shrinks to them.

export class Draw {
  #next = 0;

  constructor(private readonly numbers: readonly number[]) {}

  below(limit: number): number {
    const number = this.numbers[this.#next % this.numbers.length] ?? 0;
    this.#next += 1;
    return limit <= 1 ? 0 : number % limit;
  }

  /** Undefined if there is nothing to choose from. */
  of<T>(choices: readonly T[]): T | undefined {
    return choices[this.below(choices.length)];
  }

  /** Throws if there is nothing to choose from. */
  from<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.below(choices.length)] ?? choices[0];
  }

  /** True in one of `of` draws. */
  once(of: number): boolean {
    return this.below(of) === of - 1;
  }
}
