// SPDX-License-Identifier: Apache-2.0
// Follows a file that another process appends to, and keeps that file small, so that a machine that floods its console
// fills no disk. Space that was read is returned to the disk by punching a hole with fallocate(1): unlike truncation,
// that cannot race with a writer.
import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { startChild } from './child.js';

export interface TailOptions {
  path: string;
  onData: (chunk: Buffer) => void;
  /** Milliseconds between two reads. */
  every: number;
  /** Size on disk above which the part that was read is released. The writer must append (O_APPEND). */
  keepBelow: number;
  /** Called when a flood outran the reader: `bytes` were released unread. */
  onLost?: (bytes: number) => void;
}

const CHUNK = 256 << 10;
/** Buffers that no tail reads into right now: one that handles its data may look at another. */
const spare: Buffer[] = [];
/** Limit of one read, so that a flood cannot block everything else. */
const MAX_PER_READ = 4 << 20;
/** A file that holds this many times its limit loses its unread part. */
const FLOOD = 4;
/** Holes end at block boundaries. */
const BLOCK = 4096;

export class FileTail {
  private fd: number | null = null;
  private position = 0;
  /** Everything before this is no longer on disk. */
  private hole = 0;
  private punching = false;
  private canPunch = true;
  private stopped = false;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly options: TailOptions) {
    this.timer = setInterval(() => this.look(), options.every);
  }

  /** Reads what is there now. The timer calls it, and so does anyone who needs the newest output at once. */
  look(): void {
    this.read(MAX_PER_READ);
  }

  /** Reads the rest and closes. */
  stop(): void {
    if (this.stopped) return;
    clearInterval(this.timer);
    // The writer is gone. If it is not, this is the limit.
    this.read(FLOOD * this.options.keepBelow + MAX_PER_READ);
    this.stopped = true;
    if (this.fd !== null) closeSync(this.fd);
    this.fd = null;
  }

  private read(max: number): void {
    if (this.stopped) return;
    if (this.fd === null) {
      try {
        this.fd = openSync(this.options.path, 'r+');
      } catch {
        return; // it does not exist yet
      }
    }
    const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK);
    try {
      for (let total = 0; total < max;) {
        const count = readSync(this.fd, buffer, 0, CHUNK, this.position);
        if (count === 0) break;
        this.position += count;
        total += count;
        this.options.onData(buffer.subarray(0, count));
      }
    } finally {
      spare.push(buffer);
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

  /** For file systems without holes. Anything written between reading the size and truncating is lost. */
  private truncate(fd: number): void {
    ftruncateSync(fd, 0);
    this.position = 0;
    this.hole = 0;
  }
}
