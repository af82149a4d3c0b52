// SPDX-License-Identifier: Apache-2.0
// Which code of a kernel ran, as `coverage.json` of a run keeps it.

/**
 * Where an instruction lies: the lower 32 bits of its address. The upper ones are the same for all code of a kernel.
 */
export type CodeAddress = number;

export interface AddressRange {
  start: CodeAddress;
  /** Excluded. */
  end: CodeAddress;
}

/** Code that ran without a jump in between, as the emulator translated it: its start, and its size in bytes. */
export type RanBlock = [start: CodeAddress, size: number];

/** What one kernel of a run ran. */
export interface EpochCoverage {
  epoch: number;
  kernel: { name: string; sha256: string };
  /** Null if everything was seen; else what was not. */
  blind: string | null;
  /** In the order of addresses. */
  blocks: RanBlock[];
}

export interface Coverage {
  schema: 1;
  epochs: EpochCoverage[];
}
