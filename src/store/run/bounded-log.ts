// SPDX-License-Identifier: Apache-2.0
// A log file with a limit. The beginning is written as it comes; of the rest only the end is kept, with a note of how
// much is missing.
import { closeSync, openSync, writeSync } from 'node:fs';

export class BoundedLog {
  /** null after `close`. */
  private fd: number | null;
  private written = 0;
  private dropped = 0;
  private tail: Buffer[] = [];
  private tailSize = 0;

  /**
   * Opens a log file.
   * @param headLimit bytes to keep of the beginning
   * @param tailLimit bytes to keep of the end
   * @param form `jsonl`: every chunk is a line of JSON and is never cut; the note about missing bytes is a line of JSON
   * too
   */
  constructor(
    path: string,
    private headLimit: number,
    private readonly tailLimit: number,
    private readonly form: 'raw' | 'jsonl' = 'raw',
  ) {
    this.fd = openSync(path, 'w', 0o644);
  }

  /** Anything written after `close` is dropped. */
  write(chunk: Buffer): void {
    if (this.fd === null) return;
    const room = this.headLimit - this.written;
    if (room >= chunk.length) {
      this.put(chunk);
      return;
    }
    if (this.form === 'jsonl') {
      // From here on everything goes to the end, even shorter lines, so that the order stays.
      this.headLimit = 0;
      this.keepAtEnd(chunk.length > this.tailLimit ? chunk.subarray(0, 0) : chunk, chunk.length);
      return;
    }
    if (room > 0) this.put(chunk.subarray(0, room));
    const behind = room > 0 ? chunk.subarray(room) : chunk;
    this.keepAtEnd(behind.subarray(Math.max(0, behind.length - this.tailLimit)), behind.length);
  }

  /**
   * Keeps a part of a chunk at the end.
   * @param part the kept part of a chunk of `length` bytes
   */
  private keepAtEnd(part: Buffer, length: number): void {
    // A copy, because the caller's chunk may be a view into a reused buffer.
    const rest = Buffer.from(part);
    this.dropped += length - rest.length;
    this.tail.push(rest);
    this.tailSize += rest.length;
    while (this.tailSize - (this.tail[0]?.length ?? 0) >= this.tailLimit) {
      const gone = this.tail.shift()?.length ?? 0;
      this.tailSize -= gone;
      this.dropped += gone;
    }
  }

  /** May be called twice. */
  close(): void {
    const { fd } = this;
    if (fd === null) return;
    try {
      if (this.dropped > 0)
        this.put(
          Buffer.from(
            this.form === 'jsonl'
              ? `{"leftOutBytes":${this.dropped}}\n`
              : `\n[lab: ${this.dropped} bytes left out here]\n`,
          ),
        );
      for (const part of this.tail) this.put(part);
    } finally {
      this.tail = [];
      this.fd = null;
      closeSync(fd);
    }
  }

  private put(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) at += writeSync(this.fd as number, chunk, at);
    this.written += chunk.length;
  }
}
