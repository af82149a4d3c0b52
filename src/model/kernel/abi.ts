// SPDX-License-Identifier: Apache-2.0
// The handover format of a kernel as data: the versions it supports, and the layouts of its structures.
import type { Component } from './component.js';

/** A field. The fields of a nested structure follow it, with dotted names. */
export interface Field {
  /** `folios.first.phys`; `[]` means any element of an array. */
  name: string;
  /** Bytes from the start of the structure. */
  offset: number;
  /** Bytes; for a bit field, those of its type. */
  size: number;
  /** As in the source: `u64`, `char[48]`, `struct kho_vmalloc`. */
  type: string;
  /** The type without names: `int64`, `int8[48]`, `ptr`, `struct`. Fields of the same shape are read the same way. */
  shape: string;
  /** Only for bit fields: the position from the start of the structure, and the width, both in bits. */
  bits: { offset: number; size: number } | null;
}

export interface Structure {
  name: string;
  kind: 'struct' | 'union';
  size: number;
  /** The source file that declares it; null if unknown. */
  file: string | null;
  fields: Field[];
}

/** Where a version was found. */
export type AbiSource = 'section' | 'image' | 'source';

export interface AbiComponent extends Component {
  from: AbiSource;
}

export interface KernelAbi {
  /** Name or path of the kernel, as the user gave it. */
  name: string;
  release: string | null;
  components: AbiComponent[];
  /** Null if the layouts could not be read; `notes` says why. */
  structures: Structure[] | null;
  /** True if all structures were read that the kernel's sources declare for the handover. */
  complete: boolean;
  /** What is unknown, and why. */
  notes: string[];
}
