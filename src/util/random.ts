// SPDX-License-Identifier: Apache-2.0
// Pseudo-random numbers from a seed (mulberry32), so that a measurement or a finding can be repeated.

export class Random {
  private state: number;

  /** Different words after the number give independent sequences. */
  constructor(seed: number, ...words: (string | number)[]) {
    this.state = seed >>> 0;
    for (const letter of words.join('/')) this.state = Math.imul(this.state ^ (letter.codePointAt(0) ?? 0), 0x01000193);
    this.state = (this.state ^ 0x9e3779b9) >>> 0;
    this.next();
  }

  /** From 0 to below 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** A whole number, small ones as often as large ones. */
  upTo(limit: number): number {
    return Math.min(limit, Math.floor(Math.exp(this.next() * Math.log(limit + 1))));
  }

  chance(of: number): boolean {
    return this.next() < of;
  }

  pick<T>(items: readonly [T, ...T[]]): T;
  pick<T>(items: readonly T[]): T | undefined;
  pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }
}
