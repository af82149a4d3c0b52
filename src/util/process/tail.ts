// SPDX-License-Identifier: Apache-2.0
// Follows a file that another process appends to, and keeps that file small: a machine that floods its console fills no
// disk. What was read is given back to the disk by punching a hole with fallocate(1): unlike truncation it races with
// no writer.
import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { startChild } from './child.js';

export interface TailOptions {
  path: string;
  onData: (chunk: Buffer) => void;
  /** Milliseconds between two looks. */
  every: number;
  /** Bytes on disk after which what was read already is given back; the writer must append (O_APPEND). */
  keepBelow: number;
  /** Told when a flood outran the reader: `bytes` of it were given back unread. */
  onLost?: (bytes: number) => void;
}

const CHUNK = 256 << 10;
/** Most that one look reads, so that a flood cannot hold up everything else. */
const MOST_PER_LOOK = 4 << 20;
/** A file that holds this many times its limit loses what was not read yet. */
const FLOOD = 4;
/** Holes end at whole blocks. */
const BLOCK = 4096;

export class FileTail {
  private fd: number | null = null;
  private position = 0;
  /** Everything before is no longer on disk. */
  private hole = 0;
  private punching = false;
  private canPunch = true;
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
    // The writer is gone; if it is not, this bounds it.
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
    for (let total = 0; total < most;) {
      const count = readSync(this.fd, this.buffer, 0, CHUNK, this.position);
      if (count === 0) break;
      this.position += count;
      total += count;
      this.options.onData(this.buffer.subarray(0, count));
    }
    this.giveBack(this.fd);
  }

  private giveBack(fd: number): void {
    const { keepBelow, onLost } = this.options;
    const { size } = fstatSync(fd);
    const unread = size - this.position;
    if (size - this.hole > FLOOD * keepBelow && unread > 0) {
      this.position = size;
      onLost?.(unread);
    }
    if (this.position - this.hole <= keepBelow || this.punching) return;
    if (this.canPunch) this.punch(fd);
    else if (size === this.position) this.truncate(fd);
  }

  private punch(fd: number): void {
    const end = this.position - (this.position % BLOCK);
    const range = ['--offset', String(this.hole), '--length', String(end - this.hole)];
    this.punching = true;
    const done = (good: boolean) => {
      this.punching = false;
      this.canPunch = good;
      if (good) this.hole = end;
    };
    startChild(['fallocate', '--punch-hole', ...range, '/proc/self/fd/3'], {
      stdio: ['ignore', 'ignore', 'ignore', fd],
      tie: 'none',
    }).ended.then(
      ({ code }) => done(code === 0),
      () => done(false),
    );
  }

  /** For file systems that know no holes. What is written between the look at the size and the cut is lost. */
  private truncate(fd: number): void {
    ftruncateSync(fd, 0);
    this.position = 0;
    this.hole = 0;
  }
}
