// SPDX-License-Identifier: Apache-2.0
// The location of a field in physical memory, and how to read it.

export interface FieldLocation {
  /** Physical address of the first byte, and length in bytes. */
  phys: number;
  size: number;
  /**
   * `little` and `big`: a number of at most 8 bytes in that byte order. `text`: ends with a NUL or with the field.
   * `tree`: a node of a device tree.
   */
  as: 'little' | 'big' | 'text' | 'tree';
  /** Only for bit fields: the position from the lowest bit, and the number of bits. */
  bits: { shift: number; width: number } | null;
  /** Physical address of the structure that holds it. */
  holder: number;
  /** Only for a property or node of a device tree: to remove it, fill these bytes with FDT_NOP. */
  cut: { phys: number; size: number } | null;
}

export function numberLocation(phys: number, size: number, holder: number): FieldLocation {
  return { phys, size, as: 'little', bits: null, holder, cut: null };
}
