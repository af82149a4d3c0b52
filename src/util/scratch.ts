// SPDX-License-Identifier: Apache-2.0
// Buffers for long reads of a machine's memory. Each is used for a moment, and the next reader gets it again: a fresh
// one costs the host the clearing of its pages, and the garbage collector a round.

/** Bytes of a buffer; larger ones are not kept. */
const SIZE = 1 << 20;
const MAX_SPARE = 4;
const spare: ArrayBuffer[] = [];

/** Holds what its last user left in it. Dispose of it when nobody looks at it any more. */
export class Scratch implements Disposable {
  private readonly buffer: ArrayBuffer;

  constructor(private readonly bytes: number) {
    this.buffer = (bytes <= SIZE ? spare.pop() : undefined) ?? new ArrayBuffer(Math.max(SIZE, bytes));
  }

  get words(): Uint32Array<ArrayBuffer> {
    return new Uint32Array(this.buffer, 0, this.bytes / 4);
  }

  [Symbol.dispose](): void {
    if (this.buffer.byteLength === SIZE && spare.length < MAX_SPARE) spare.push(this.buffer);
  }
}
