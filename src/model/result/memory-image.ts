// SPDX-License-Identifier: Apache-2.0
// A machine's memory that is kept with a run.

/** When `lab run` keeps memory. `always` also keeps the handover at each kexec. */
export const MEMORY_KEPT = ['never', 'unexpected', 'always'] as const;
export type MemoryKept = (typeof MEMORY_KEPT)[number];

export interface ImageHead {
  /** `jump`: after the old kernel's last write, before the next one's first instruction. `end`: at the run's end. */
  moment: 'jump' | 'end';
  /** The kernel that ran. */
  epoch: number;
  /** Physical address of the last root tree; null if nobody read it. */
  root: number | null;
  /** `handover`: only the structures of the handover. `used`: every page that is not all zeros. */
  pages: 'handover' | 'used';
  /** RAM: physical addresses, end exclusive. */
  ranges: (readonly [start: number, end: number])[];
}

/** Whole pages, starting at a page frame. */
export interface ImagePages {
  pfn: number;
  bytes: Uint8Array;
}

export interface MemoryImage {
  head: ImageHead;
  /** Pages are missing because of the size limit. */
  cut: boolean;
  /** Reads physical memory; false if it is not in the image. */
  read: (phys: number, into: Uint8Array) => boolean;
  pages(): Iterable<{ phys: number; bytes: Uint8Array }>;
}
