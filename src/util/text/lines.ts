// SPDX-License-Identifier: Apache-2.0
// Splits any stream of bytes into lines. A line without an end takes at most `limit` bytes of memory.

export class LineSplitter {
  private pending: Buffer[] = [];
  private size = 0;
  private dropping = false;

  /**
   * Creates a splitter.
   * @param onLine gets each line; `cut` is true if the line was too long
   * @param limit longest line in bytes; the rest of a longer one is dropped
   */
  constructor(
    private readonly onLine: (line: string, cut: boolean) => void,
    private readonly limit = 1 << 20,
  ) {}

  feed(chunk: Buffer): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(10, start);
      if (end < 0) break;
      this.take(chunk.subarray(start, end));
      this.flush();
      start = end + 1;
    }
    if (start < chunk.length) this.take(chunk.subarray(start));
  }

  private take(part: Buffer): void {
    if (this.dropping) return;
    const room = this.limit - this.size;
    if (part.length > room) {
      this.dropping = true;
      part = part.subarray(0, room);
    }
    // A copy, because the caller's chunk may be a view into a reused buffer.
    if (part.length > 0) this.pending.push(Buffer.from(part));
    this.size += part.length;
  }

  private flush(): void {
    const line = Buffer.concat(this.pending).toString('utf8');
    const cut = this.dropping;
    this.pending = [];
    this.size = 0;
    this.dropping = false;
    this.onLine(line, cut);
  }
}
