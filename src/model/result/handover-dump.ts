// SPDX-License-Identifier: Apache-2.0
// A handover as it is in memory. Addresses are hexadecimal text, 64-bit numbers are decimal text.

/**
 * Folios with the same flags that are neighbours in the file and in memory, upwards or (single pages) downwards. Pages
 * have 4096 bytes.
 */
export interface FolioRun {
  /** First page of the file. */
  index: string;
  /** Page frame of that page. */
  pfn: string;
  /** Distance in page frames from one page of the file to the next: 1 or -1. */
  step: 1 | -1;
  pages: number;
  folios: number;
  flags: number;
  /** All of it is in the map of preserved memory; null if that map is unreadable. */
  preserved: boolean | null;
}

export interface MemfdDump {
  phys: string;
  pos: string;
  size: string;
  /** Null in formats without them. */
  seals: number | null;
  flags: number | null;
  nrFolios: string;
  folios: FolioRun[];
}

export interface FileDump {
  phys: string;
  token: string;
  compatible: string;
  data: string;
  /** Null for other handlers, and if it is invalid. */
  memfd: MemfdDump | null;
  problem: string | null;
}

export interface SessionDump {
  phys: string;
  name: string;
  /** The session's own number of files; `files` lists those that were found. */
  count: string;
  files: FileDump[];
  problem: string | null;
}

export interface HandoverDump {
  /** Physical address of the root tree. */
  root: string;
  /** The kernel whose layouts were used. `named`: the tree itself says that this kernel wrote it. */
  layouts: { kernel: string; release: string | null; named: boolean };
  kho: { version: string; map: string | null; nodes: { name: string; phys: string | null; size: string | null }[] };
  /** The map of preserved memory, with neighbouring areas joined into runs. Null if the map is missing or invalid. */
  preserved: { pages: number; areas: number; runs: { pfn: string; pages: number }[]; cut: boolean } | null;
  /** The old kernel's own metadata (since 7.1). */
  metadata: { version: number; release: string; kexecs: number } | null;
  reserved: { name: string; version: string; start: string; size: string }[];
  luo: { version: string; phys: string; number: string; sessions: string; flbs: string } | null;
  flbs: { name: string; data: string; count: string }[];
  sessions: SessionDump[];
  /** The dump is incomplete: there is more. */
  cut: boolean;
  /** Parts that could not be read, and why. */
  problems: string[];
}
