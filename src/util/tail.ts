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
  /** Told when a flood outran the reader: `bytes` of it were cut off unread. */
  onLost?: (bytes: number) => void;
}

const CHUNK = 256 << 10;
/** Most that one look reads, so that a flood cannot hold up everything else. */
const MOST_PER_LOOK = 4 << 20;
/** A file this many times over its limit is cut even though not all of it was read. */
const FLOOD = 4;

export class FileTail {
  private fd: number | null = null;
  private position = 0;
  private stopped = false;
  private readonly timer: NodeJS.Timeout;
  private readonly buffer = Buffer.allocUnsafe(CHUNK);

  constructor(private readonly options: TailOptions) {
    this.timer = setInterval(() => this.look(), options.every);
  }

  /** Reads what is there now; called by the timer, and by who needs the newest word at once. */
  look(): void {
    this.read(MOST_PER_LOOK);
  }

  /** Reads all that is left, and closes. */
  stop(): void {
    if (this.stopped) return;
    clearInterval(this.timer);
    // The writer is gone; if it is not, the limit of the file bounds this too.
    this.read(FLOOD * this.options.keepBelow + MOST_PER_LOOK);
    this.stopped = true;
    if (this.fd !== null) closeSync(this.fd);
    this.fd = null;
  }

  private read(most: number): void {
    if (this.stopped) return;
    if (this.fd === null) {
      try {
        this.fd = openSync(this.options.path, 'r+');
      } catch {
        return; // not there yet
      }
    }
    for (let total = 0; total < most; ) {
      const count = readSync(this.fd, this.buffer, 0, CHUNK, this.position);
      if (count === 0) break;
      this.position += count;
      total += count;
      this.options.onData(this.buffer.subarray(0, count));
    }
    this.cut(this.fd);
  }

  /** Cuts the file once all of it was read; one that grows faster than it is read, anyway. */
  private cut(fd: number): void {
    const { keepBelow, onLost } = this.options;
    const { size } = fstatSync(fd);
    const unread = size - this.position;
    if (unread > 0 ? size <= FLOOD * keepBelow : size <= keepBelow) return;
    ftruncateSync(fd, 0);
    this.position = 0;
    if (unread > 0) onLost?.(unread);
  }
}
