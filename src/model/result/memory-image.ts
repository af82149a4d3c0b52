// SPDX-License-Identifier: Apache-2.0
// A machine's memory that is kept with a run.

/**
 * When `lab run` keeps memory: never, of runs that did not end as expected, or always, and then also what is handed
 * over at each jump.
 */
export const MEMORY_KEPT = ['never', 'unexpected', 'always'] as const;
export type MemoryKept = (typeof MEMORY_KEPT)[number];

export interface ImageHead {
  /**
   * `jump`: as the old kernel had written everything, before the first instruction of the next one. `end`: as the run
   * ended.
   */
  moment: 'jump' | 'end';
  /** The kernel that ran. */
  epoch: number;
  /** Physical address of the root tree that was handed over last; null where nobody looked. */
  root: number | null;
  /** `handover`: the structures of the handover alone. `used`: every page that holds anything but zeros. */
  pages: 'handover' | 'used';
  /** RAM: physical addresses, end exclusive. */
  ranges: (readonly [start: number, end: number])[];
}

/** Whole pages from a page frame on. */
export interface ImagePages {
  pfn: number;
  bytes: Uint8Array;
}

export interface MemoryImage {
  head: ImageHead;
  /** The limit came first: pages are missing. */
  cut: boolean;
  /** Physical memory; false where it is not known. */
  read: (phys: number, into: Uint8Array) => boolean;
  pages(): Iterable<{ phys: number; bytes: Uint8Array }>;
}
