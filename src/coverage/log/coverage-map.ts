// SPDX-License-Identifier: Apache-2.0
// What many runs have reached together: addresses that ran, kept apart by kernel.
import type { CodeAddress } from '../../model/result/coverage.js';

/** Addresses that ran, by kernel. The caller decides what tells two kernels apart, such as the epoch. */
export type RanByKernel<K> = ReadonlyMap<K, ReadonlySet<CodeAddress>>;

export class CoverageMap<K> implements Iterable<[K, ReadonlySet<CodeAddress>]> {
  private readonly ran = new Map<K, Set<CodeAddress>>();

  /** How many addresses of `other` are not here yet. */
  news(other: RanByKernel<K>): number {
    let count = 0;
    for (const [kernel, addresses] of other) {
      const known = this.ran.get(kernel);
      for (const address of addresses) if (known?.has(address) !== true) count++;
    }
    return count;
  }

  /** @returns how many addresses were new */
  merge(other: RanByKernel<K>): number {
    let count = 0;
    for (const [kernel, addresses] of other) {
      let known = this.ran.get(kernel);
      if (known === undefined) this.ran.set(kernel, (known = new Set()));
      const before = known.size;
      for (const address of addresses) known.add(address);
      count += known.size - before;
    }
    return count;
  }

  get size(): number {
    return [...this.ran.values()].reduce((sum, { size }) => sum + size, 0);
  }

  of(kernel: K): ReadonlySet<CodeAddress> {
    return this.ran.get(kernel) ?? new Set();
  }

  [Symbol.iterator](): Iterator<[K, ReadonlySet<CodeAddress>]> {
    return this.ran[Symbol.iterator]();
  }
}
