// SPDX-License-Identifier: Apache-2.0
// Which pages of a private mapping the process has written to; all others are those of the file. From pagemap
// (Documentation/admin-guide/mm/pagemap.rst), which shows these bits to every user that may trace the process.
import { closeSync, openSync, readSync } from 'node:fs';

export const PAGE = 4096;
const ENTRY = 8;
/** Bits of an entry, in its upper half. */
const PRESENT = 1 << 31;
const SWAPPED = 1 << 30;
const OF_FILE = 1 << 29;

/** Consecutive pages of the same kind; in pages, from the place that was asked about. */
export interface PageRun {
  first: number;
  count: number;
  written: boolean;
}

export class WrittenPages {
  private readonly fd: number;

  constructor(pid: number) {
    this.fd = openSync(`/proc/${pid}/pagemap`, 'r');
  }

  /** The runs of `count` pages from a linear address on; null if the process is gone. */
  runs(address: number, count: number): PageRun[] | null {
    const entries = Buffer.alloc(count * ENTRY);
    for (let at = 0; at < entries.length;) {
      const done = readSync(this.fd, entries, at, entries.length - at, (address / PAGE) * ENTRY + at);
      if (done <= 0) return null;
      at += done;
    }
    return pageRuns(entries);
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** @param entries as /proc/PID/pagemap has them */
export function pageRuns(entries: Buffer): PageRun[] {
  const runs: PageRun[] = [];
  for (let page = 0; page * ENTRY < entries.length; page++) {
    const bits = entries.readInt32LE(page * ENTRY + 4);
    const written = (bits & SWAPPED) !== 0 || ((bits & PRESENT) !== 0 && (bits & OF_FILE) === 0);
    const last = runs.at(-1);
    if (last?.written === written) last.count++;
    else runs.push({ first: page, count: 1, written });
  }
  return runs;
}
