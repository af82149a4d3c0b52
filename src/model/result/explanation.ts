// SPDX-License-Identifier: Apache-2.0
// The story of a failed update, in order.

/** One field of a structure. Offsets and sizes in bytes. */
export interface FieldRow {
  offset: number;
  /** Hexadecimal; only the start of a long field. */
  bytes: string;
  field: string;
  type: string;
  value: string;
  /** The failure is about this field. */
  here: boolean;
}

export interface StructureDump {
  /** `struct luo_ser`, or the name of a tree. */
  what: string;
  phys: string;
  rows: FieldRow[];
}

export interface SourceCheck {
  /** Path in the kernel's tree, and the line of the check that failed. */
  file: string;
  line: number;
  function: string;
  /** The lines around it, and the number of the first one. */
  first: number;
  lines: string[];
}

export interface Frame {
  function: string;
  /** Bytes. */
  offset: number;
  /** The unwinder is not sure. */
  unsure: boolean;
  /** `kernel/liveupdate/luo_core.c:145`, the innermost inlined call first; empty without symbols. */
  lines: string[];
}

export interface Explanation {
  outcome: string;
  title: string | null;
  wrote: {
    kernel: string;
    versions: string[];
    /** Addresses of the handover's parts in the kept memory. Empty if no memory was kept. */
    where: string[];
  };
  /** The scenario's changes from outside. */
  faults: string[];
  /** The versions that the next kernel reads, and the mismatches. */
  expected: { kernel: string; versions: string[]; mismatches: string[]; layouts: string[] };
  /** The next kernel's messages, in order. */
  said: { t: number; epoch: number; text: string }[];
  /** What the processors were doing when the machine hung, reset or went down; empty after another end. */
  processors: string[];
  /** The check that failed; null if the console does not show it. */
  check: { refuses: string; function: string; source: SourceCheck | null } | null;
  trace: { frames: Frame[]; why: string | null };
  /** As the old kernel wrote it (`dump`); as the next one reads the same bytes (`read`), if its layout differs. */
  structure: { place: string; dump: StructureDump; read: StructureDump | null } | null;
  /** What is unknown, and the command that would find it out. */
  notes: string[];
}
