// SPDX-License-Identifier: Apache-2.0
// The story of a failed update, in order.

/** One field of a structure. Offsets and sizes in bytes. */
export interface FieldRow {
  offset: number;
  /** Hexadecimal, of long fields the beginning. */
  bytes: string;
  field: string;
  type: string;
  value: string;
  /** The one that the failure is about. */
  here: boolean;
}

export interface StructureDump {
  /** `struct luo_ser`, or which tree. */
  what: string;
  phys: string;
  rows: FieldRow[];
}

export interface SourceCheck {
  /** Path below the tree, and the line that says no. */
  file: string;
  line: number;
  function: string;
  /** The lines around it, the first one's number. */
  first: number;
  lines: string[];
}

export interface Frame {
  function: string;
  /** Bytes. */
  offset: number;
  /** The unwinder is not sure. */
  unsure: boolean;
  /** `kernel/liveupdate/luo_core.c:145`, the innermost inlined call first; empty where symbols are not there. */
  lines: string[];
}

export interface Explanation {
  outcome: string;
  title: string | null;
  wrote: {
    kernel: string;
    versions: string[];
    /** Of the handover that was kept: where its parts lie. Empty where no memory was kept. */
    where: string[];
  };
  /** What the scenario changed from outside. */
  faults: string[];
  /** What the next kernel reads, and what of it did not fit. */
  expected: { kernel: string; versions: string[]; mismatches: string[]; layouts: string[] };
  /** What the next kernel said, first things first. */
  said: { t: number; epoch: number; text: string }[];
  /** The check that said no; null where nothing on the console tells it. */
  check: { refuses: string; function: string; source: SourceCheck | null } | null;
  trace: { frames: Frame[]; why: string | null };
  /** As it was written; and as the next kernel reads the same bytes, where it lays them out otherwise. */
  structure: { place: string; dump: StructureDump; read: StructureDump | null } | null;
  /** What is not known, and the command that would tell. */
  notes: string[];
}
