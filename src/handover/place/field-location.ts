// SPDX-License-Identifier: Apache-2.0
// A place that was found: where it lies, and how what stands there is read.

export interface Spot {
  /** Physical address of its first byte, and its length in bytes. */
  phys: number;
  size: number;
  /**
   * `little` and `big`: a number in that byte order, of at most 8 bytes. `text`: NUL-terminated, or the field is full.
   * `tree`: a node.
   */
  as: 'little' | 'big' | 'text' | 'tree';
  /** Only of bit fields: bits from the lowest of the number, and how many. */
  bits: { shift: number; width: number } | null;
  /** Physical address of the structure that holds it. */
  holder: number;
  /** Of a property or a node of a tree: what has to be filled with the token for nothing to remove it. */
  cut: { phys: number; size: number } | null;
}

export function numberSpot(phys: number, size: number, holder: number): Spot {
  return { phys, size, as: 'little', bits: null, holder, cut: null };
}
