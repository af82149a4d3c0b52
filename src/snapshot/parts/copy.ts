// SPDX-License-Identifier: Apache-2.0
// A copy of what a file of the machine held so far, bounded: a machine that floods its console is not saved.
export class Copy {
  private readonly chunks: Buffer[] = [];
  private size = 0;
  private over = false;

  constructor(private readonly maxBytes: number) {}

  take(chunk: Buffer): void {
    if (this.over) return;
    this.size += chunk.length;
    // The chunk is valid only during the call.
    if (this.size > this.maxBytes) this.spoil();
    else this.chunks.push(Buffer.from(chunk));
  }

  /** Something is missing. */
  spoil(): void {
    this.over = true;
    this.chunks.length = 0;
  }

  get bytes(): number {
    return this.size;
  }

  get isWhole(): boolean {
    return !this.over;
  }

  get content(): Buffer {
    return Buffer.concat(this.chunks);
  }
}
