// SPDX-License-Identifier: Apache-2.0
// What one kernel hands over to the next, as it stands in memory. Addresses are hexadecimal text, 64-bit numbers
// decimal text.

/**
 * Folios that follow one another in the file and in memory, upwards or (single pages) downwards, all with the same
 * flags. Pages of 4096 bytes.
 */
export interface FolioRun {
  /** First page of the file. */
  index: string;
  /** Its page frame. */
  pfn: string;
  /** Page frames from one page of the file to the next: 1 or -1. */
  step: 1 | -1;
  pages: number;
  folios: number;
  flags: number;
  /** All of it stands in the map of the preserved memory; null where that map cannot be read. */
  preserved: boolean | null;
}

export interface MemfdDump {
  phys: string;
  pos: string;
  size: string;
  /** Null in formats that do not have them. */
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
  /** Null for other handlers, and where it is not sound. */
  memfd: MemfdDump | null;
  problem: string | null;
}

export interface SessionDump {
  phys: string;
  name: string;
  /** What the session says; `files` are those that were found. */
  count: string;
  files: FileDump[];
  problem: string | null;
}

export interface HandoverDump {
  /** Physical address of the root tree. */
  root: string;
  /** The kernel whose layouts were used, and whether the tree says itself that this one wrote it. */
  layouts: { kernel: string; release: string | null; named: boolean };
  kho: { version: string; map: string | null; nodes: { name: string; phys: string | null; size: string | null }[] };
  /**
   * Pages of the preserved map, and its areas, merged where they touch. Null where the map is not there or not sound.
   */
  preserved: { pages: number; areas: number; runs: { pfn: string; pages: number }[]; cut: boolean } | null;
  /** What the writing kernel tells of itself (7.1 and later). */
  metadata: { version: number; release: string; kexecs: number } | null;
  reserved: { name: string; version: string; start: string; size: string }[];
  luo: { version: string; phys: string; number: string; sessions: string; flbs: string } | null;
  flbs: { name: string; data: string; count: string }[];
  sessions: SessionDump[];
  /** More was there than is listed. */
  cut: boolean;
  /** What could not be read, and why. */
  problems: string[];
}
