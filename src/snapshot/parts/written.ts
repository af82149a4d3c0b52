// SPDX-License-Identifier: Apache-2.0
// What a resumed run has written to its machine, for reads of a rung that the machine has passed: the saved memory of
// that rung does not have it.
interface Piece {
  phys: number;
  bytes: Uint8Array;
}

export class Written {
  private readonly pieces: Piece[] = [];

  add(phys: number, from: Uint8Array): void {
    this.pieces.push({ phys, bytes: from.slice() });
  }

  /** Puts it over what was read; later writes come last. */
  over(phys: number, into: Uint8Array): void {
    for (const { phys: start, bytes } of this.pieces) {
      const [first, end] = [Math.max(phys, start), Math.min(phys + into.length, start + bytes.length)];
      if (first < end) into.set(bytes.subarray(first - start, end - start), first - phys);
    }
  }
}
