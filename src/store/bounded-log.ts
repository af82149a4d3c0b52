// SPDX-License-Identifier: Apache-2.0
// A log file with a limit: the beginning is written as it comes, of the rest only the end is kept, and what fell out is said.
import { closeSync, openSync, writeSync } from 'node:fs';

export class BoundedLog {
  private readonly fd: number;
  private written = 0;
  private dropped = 0;
  private tail: Buffer[] = [];
  private tailSize = 0;

  /** @param head bytes of the beginning that are kept @param tail bytes of the end */
  constructor(
    path: string,
    private readonly headLimit: number,
    private readonly tailLimit: number,
  ) {
    this.fd = openSync(path, 'w', 0o644);
  }

  write(chunk: Buffer): void {
    const room = this.headLimit - this.written;
    if (room >= chunk.length) {
      this.put(chunk);
      return;
    }
    if (room > 0) this.put(chunk.subarray(0, room));
    const rest = Buffer.from(room > 0 ? chunk.subarray(room) : chunk);
    this.tail.push(rest);
    this.tailSize += rest.length;
    while (this.tailSize - (this.tail[0]?.length ?? 0) >= this.tailLimit) {
      const gone = this.tail.shift()?.length ?? 0;
      this.tailSize -= gone;
      this.dropped += gone;
    }
  }

  close(): void {
    if (this.dropped > 0) writeSync(this.fd, `\n[lab: ${this.dropped} bytes left out here]\n`);
    for (const part of this.tail) writeSync(this.fd, part);
    this.tail = [];
    closeSync(this.fd);
  }

  private put(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) at += writeSync(this.fd, chunk, at);
    this.written += chunk.length;
  }
}
