// SPDX-License-Identifier: Apache-2.0
// The result of a walk through an IOMMU's tables. Addresses and lengths are in bytes. An IOVA may have 64 bits and is a
// bigint; everything else fits into a number.

/** The access that the device has: read, write, execute. */
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
  /** Of a page table: 1 if its entries map 4 KiB pages. 0 for other tables. */
  level: number;
}

/**
 * - `reserved-bits`: bits are set that must be 0. The hardware stops there, and so does the walk.
 * - `not-present`: there is no entry for the device.
 * - `unsupported`: the translation type or the number of levels does not exist, or is not implemented (nested, guest
 * tables).
 * - `outside-ram`: a table where there is no RAM. `target-outside-ram`: a mapping that does not lead to RAM (for
 * example to a BAR).
 * - `loop`: a table that leads to a table above it. `shared`: a table that was already reached by another path. Neither
 * is walked again.
 * - `bound`: the walk reached a limit and left the rest out.
 */
export type TableProblemKind =
  'reserved-bits' | 'not-present' | 'unsupported' | 'outside-ram' | 'target-outside-ram' | 'loop' | 'shared' | 'bound';

export interface TableProblem {
  kind: TableProblemKind;
  /** Physical address of the wrong entry; null if it is not in memory (a register). */
  at: number | null;
  /** One sentence for a reader. */
  detail: string;
}

/**
 * - `translated`: through page tables.
 * - `pass-through`: an IOVA is a physical address; `mappings` is one run over the whole space.
 * - `blocked`: nothing passes.
 * - `broken`: a structure that leads to the page tables is damaged; hardware would fault.
 */
export type AccessState = 'translated' | 'pass-through' | 'blocked' | 'broken';

export interface DeviceTables {
  iommu: 'intel' | 'amd';
  /** PCI source id, bus << 8 | devfn. */
  sourceId: number;
  state: AccessState;
  mode: 'legacy' | 'scalable' | 'device-table' | 'abort' | null;
  /** Number of levels of the page tables; null if there are none. */
  levels: number | null;
  /** Domain id; null if no entry contains one. */
  domain: number | null;
  /** Ascending by IOVA; neighbours are separate, or differ in target or rights. */
  mappings: MappingRun[];
  /** Every page of a table that was read, in the order of the walk. */
  tables: TablePage[];
  /** At most MAX_PROBLEMS; `problemCount` counts all. */
  problems: TableProblem[];
  problemCount: number;
  /** False if something was left out (problems `loop`, `shared`, `bound`, `outside-ram`, `reserved-bits`). */
  complete: boolean;
}

/** An IOMMU that has no tables in the machine's memory. */
export interface NoTables {
  iommu: 'virtio';
  sourceId: number;
  state: 'no-tables';
  why: string;
}

export interface WalkOptions {
  /** The machine's RAM. If given, the targets of mappings are checked too. `end` is exclusive. */
  ram?: readonly { start: number; end: number }[];
  /** Bits of a physical address, 32 to 52; higher bits are reserved. */
  addressBits?: number;
  /** Scalable mode: the PASID to walk for. The default is that of requests without one (RID_PASID). */
  pasid?: number;
  maxTables?: number;
  maxRuns?: number;
}

export const MAX_PROBLEMS = 64;
/** Enough for 128 GiB mapped by 4 KiB pages: twice the largest machine. */
export const MAX_TABLES = 65_536 + 512;
export const MAX_RUNS = 1 << 19;
