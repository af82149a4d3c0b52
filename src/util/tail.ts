// SPDX-License-Identifier: Apache-2.0
// Follows a file that another process appends to, and keeps that file small: a machine that floods its console fills no disk.
import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';

export interface TailOptions {
  path: string;
  onData: (chunk: Buffer) => void;
  /** Milliseconds between two looks. */
  every: number;
  /** Bytes after which what was read already is cut off the file; the writer must append (O_APPEND). */
  keepBelow: number;
}

const CHUNK = 256 << 10;
/** Most that one look reads, so that a flood cannot hold up everything else. */
const MOST_PER_LOOK = 4 << 20;

export class FileTail {
  private fd: number | null = null;
  private position = 0;
  private timer: NodeJS.Timeout | null = null;
  private readonly buffer = Buffer.allocUnsafe(CHUNK);

  constructor(private readonly options: TailOptions) {
    this.timer = setInterval(() => this.look(), options.every);
  }

  /** Reads what is there now; called by the timer, and by who needs the newest word at once. */
  look(): void {
    if (this.fd === null) {
      try {
        this.fd = openSync(this.options.path, 'r+');
      } catch {
        return; // not there yet
      }
    }
    for (let total = 0; total < MOST_PER_LOOK; ) {
      const count = readSync(this.fd, this.buffer, 0, CHUNK, this.position);
      if (count === 0) break;
      this.position += count;
      total += count;
      this.options.onData(this.buffer.subarray(0, count));
    }
    if (this.position > this.options.keepBelow && fstatSync(this.fd).size === this.position) {
      ftruncateSync(this.fd, 0);
      this.position = 0;
    }
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    this.look();
    if (this.fd !== null) closeSync(this.fd);
    this.fd = null;
  }
}
