// SPDX-License-Identifier: Apache-2.0
// Writes the files of an archive from somebody else, each as a new file. Owner, mode, times and links of the archive
// never reach the disk, also when the lab runs as root.
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ReadEntry } from 'tar';

interface Outcome {
  /** The whole file is on the disk. `sha256` has 64 hexadecimal digits. */
  written(sha256: string): void;
  /** The file could not be written; the rest of the entry is ignored. */
  failed(error: Error): void;
}

export class EntryWriter {
  private fd: number | null = null;

  /** @param mode permissions of the files */
  constructor(private readonly mode: number) {}

  /** Writes an entry as it arrives. Entries come one after the other. */
  write(entry: ReadEntry, path: string, outcome: Outcome): void {
    const hash = createHash('sha256');
    let fd: number;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      fd = this.fd = openSync(path, 'wx', this.mode);
    } catch (error) {
      outcome.failed(error as Error);
      entry.resume();
      return;
    }
    let isWhole = true;
    entry.on('data', (chunk: Buffer) => {
      if (!isWhole) return;
      try {
        for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at);
        hash.update(chunk);
      } catch (error) {
        isWhole = false;
        outcome.failed(error as Error);
      }
    });
    entry.on('end', () => {
      this.close();
      if (isWhole) outcome.written(hash.digest('hex'));
    });
  }

  /** Closes the file of an entry that did not come to its end. */
  close(): void {
    if (this.fd !== null) closeSync(this.fd);
    this.fd = null;
  }
}
