// SPDX-License-Identifier: Apache-2.0
// The handover format of one kernel as data: which versions it speaks, and how what it hands over is laid out.
import type { Component } from './component.js';

/** One field. Fields of nested structures follow the field that holds them, with dotted names. */
export interface Field {
  /** `folios.first.phys`; `[]` stands for any element of an array. */
  name: string;
  /** Bytes from the start of the structure. */
  offset: number;
  /** Bytes; for a bit field, those of its type. */
  size: number;
  /** As the source has it: `u64`, `char[48]`, `struct kho_vmalloc`. */
  type: string;
  /** The type without its names: `int64`, `int8[48]`, `ptr`, `struct`. Two fields of the same shape are read alike. */
  shape: string;
  /** Only of bit fields: bits from the start of the structure, and how many. */
  bits: { offset: number; size: number } | null;
}

export interface Structure {
  name: string;
  kind: 'struct' | 'union';
  size: number;
  /** The file of the source that declares it; null where that is not known. */
  file: string | null;
  fields: Field[];
}

/** Where a version was read. */
export type AbiSource = 'section' | 'image' | 'source';

export interface AbiComponent extends Component {
  from: AbiSource;
}

export interface KernelAbi {
  /** Name or path that the kernel was asked for by. */
  name: string;
  release: string | null;
  components: AbiComponent[];
  /** Null where the layouts could not be read; `notes` says why. */
  structures: Structure[] | null;
  /** All structures that the kernel's sources declare for the handover were read. */
  complete: boolean;
  /** What could not be found out, and why. */
  notes: string[];
}
