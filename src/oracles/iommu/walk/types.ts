// SPDX-License-Identifier: Apache-2.0
// What a walk through an IOMMU's tables finds. Addresses and lengths are bytes; an IOVA may have 64 bits, so it is a
// bigint, all else fits a number.

/** What the device may do with the memory: read, write, execute. */
export type Rights = 'r' | 'w' | 'rw' | 'x' | 'rx' | 'wx' | 'rwx';

/** IOVAs [iova, iova + length) lead to [phys, phys + length). */
export interface MappingRun {
  iova: bigint;
  phys: number;
  length: number;
  rights: Rights;
}

export type TableKind =
  'root' | 'context' | 'pasid-directory' | 'pasid' | 'first-level' | 'second-level' | 'device' | 'host';

/** One 4 KiB page of a table. */
export interface TablePage {
  phys: number;
  kind: TableKind;
  /** Of a page table: 1 for the one whose entries map 4 KiB. 0 for other tables. */
  level: number;
}

/**
 * - `reserved-bits`: bits are set that must be 0; the hardware does not go on from there, and neither does the walk.
 * - `not-present`: no entry for the device.
 * - `unsupported`: a translation type or a number of levels that there is not, or that is not walked (nested, guest
 * tables).
 * - `outside-ram`: a table where there is no RAM. `target-outside-ram`: a mapping that does not lead to RAM (a BAR does
 * not either).
 * - `loop`: a table that leads to a table above it. `shared`: a table that was reached before on another way. Neither
 * is walked again.
 * - `bound`: more than the walk may take; the rest was left out.
 */
export type TableProblemKind =
  'reserved-bits' | 'not-present' | 'unsupported' | 'outside-ram' | 'target-outside-ram' | 'loop' | 'shared' | 'bound';

export interface TableProblem {
  kind: TableProblemKind;
  /** Physical address of the entry that is wrong; null where it is not in memory (a register). */
  at: number | null;
  /** One sentence for a reader. */
  detail: string;
}

/**
 * - `translated`: through page tables.
 * - `pass-through`: an IOVA is a physical address; `mappings` is one run over all of it.
 * - `blocked`: nothing passes.
 * - `broken`: what leads to the page tables is damaged; hardware would fault.
 */
export type AccessState = 'translated' | 'pass-through' | 'blocked' | 'broken';

export interface DeviceTables {
  iommu: 'intel' | 'amd';
  /** PCI source id, bus << 8 | devfn. */
  sourceId: number;
  state: AccessState;
  mode: 'legacy' | 'scalable' | 'device-table' | 'abort' | null;
  /** Levels of the page tables; null where there are none. */
  levels: number | null;
  /** Domain id; null where no entry names one. */
  domain: number | null;
  /** Ascending by IOVA, apart from each other or different in target or rights. */
  mappings: MappingRun[];
  /** Every page of a table that was read, in the order of the walk. */
  tables: TablePage[];
  /** At most MOST_PROBLEMS; `problemCount` counts all. */
  problems: TableProblem[];
  problemCount: number;
  /** False where something was left out (problems `loop`, `shared`, `bound`, `outside-ram`, `reserved-bits`). */
  complete: boolean;
}

/** An IOMMU without tables in the machine's memory. */
export interface NoTables {
  iommu: 'virtio';
  sourceId: number;
  state: 'no-tables';
  why: string;
}

export interface WalkOptions {
  /** The machine's RAM; with it, targets of mappings are checked too. `end` exclusive. */
  ram?: readonly { start: number; end: number }[];
  /** Bits of a physical address, 32 to 52; higher ones are reserved. */
  addressBits?: number;
  /** Scalable mode: the PASID to walk for; without it that of requests without one (RID_PASID). */
  pasid?: number;
  maxTables?: number;
  maxRuns?: number;
}

export const MOST_PROBLEMS = 64;
/** Maps 128 GiB by 4 KiB pages: twice the largest machine. */
export const MOST_TABLES = 65_536 + 512;
export const MOST_RUNS = 1 << 19;
