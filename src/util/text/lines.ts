// SPDX-License-Identifier: Apache-2.0
// Splits a stream of bytes into lines, whatever comes: a line without an end costs at most `limit` bytes.

export class LineSplitter {
  private pending: Buffer[] = [];
  private size = 0;
  private dropping = false;

  /** @param limit longest line in bytes; a longer one is delivered cut, its rest dropped */
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
    // A copy: the caller's chunk may be a view into a pool that is used again.
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
