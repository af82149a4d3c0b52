// SPDX-License-Identifier: Apache-2.0
// Reads and writes the physical memory of a machine whose RAM is a private mapping of a file: QEMU's own memory, at the
// place of that mapping. The file does not show what the machine has written.
//
// The host's kernel allows it to those who may trace QEMU: root with CAP_SYS_PTRACE, or QEMU's own user. With Yama's
// ptrace_scope=1, QEMU's parents may too, and the lab is one of them. ptrace_scope=2 and 3 refuse it, and so do
// containers without CAP_SYS_PTRACE in which QEMU has a user of its own: there no machine can be resumed.
import { closeSync, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';
import { messageOf } from '../../util/errors.js';
import { type OpenMemory, type RamRange, ramRanges } from '../memory.js';
import { SnapshotError } from './error.js';
import { type MappedPart, mappedParts } from './mapped-parts.js';
import { PAGE, WrittenPages } from './written-pages.js';

/** From this size on, a read takes unwritten pages from the file: reading a mapping costs a page fault for each. */
const LARGE = 16 * PAGE;
/** Bytes that are kept beyond the end of QEMU. Of a machine that wrote more, nothing can be read then. */
const MAX_KEPT = 1 << 30;
/** Pages whose kind is asked for at once. */
const MAX_PAGES = 4096;

export class PrivateMemory implements OpenMemory {
  /** What the machine had written when QEMU ended, by offset in the file; null while QEMU runs. */
  private kept: Map<number, Buffer> | null = null;

  private constructor(
    private readonly memory: number,
    private readonly file: number,
    private readonly written: WrittenPages,
    private readonly parts: readonly MappedPart[],
    readonly ranges: readonly RamRange[],
  ) {}

  /**
   * Opens the memory of a resumed machine.
   * @param ramFile file of its RAM
   * @param mtree text of the human monitor's `info mtree -f`
   */
  static open(qemuPid: number, ramFile: string, mtree: string): PrivateMemory {
    return PrivateMemory.openRanges(qemuPid, { ramFile, ranges: ramRanges(mtree), flags: 'r+' });
  }

  /** Opens the memory of a machine whose monitor is in use, with known ranges. */
  static openRanges(
    qemuPid: number,
    { ramFile, ranges, flags }: { ramFile: string; ranges: readonly RamRange[]; flags: 'r' | 'r+' },
  ): PrivateMemory {
    const opened = new DisposableStack();
    try {
      const { ino } = statSync(ramFile);
      const parts = mappedParts(readFileSync(`/proc/${qemuPid}/maps`, 'latin1'), { path: ramFile, inode: ino });
      const fds = [openSync(`/proc/${qemuPid}/mem`, flags), openSync(ramFile, 'r')] as const;
      for (const fd of fds) opened.defer(() => closeSync(fd));
      const written = new WrittenPages(qemuPid);
      opened.defer(() => written.close());
      const memory = new PrivateMemory(...fds, written, parts, ranges);
      const [first] = memory.ranges;
      if (first === undefined || !memory.read(first.start, new Uint8Array(8)))
        throw new Error(`QEMU has not mapped ${ramFile}`);
      return memory;
    } catch (error) {
      opened.dispose();
      throw new SnapshotError('memory', `the memory of a resumed machine cannot be opened: ${messageOf(error)}`, {
        cause: error,
        hint: 'the lab must be allowed to trace QEMU: see /proc/sys/kernel/yama/ptrace_scope, and CAP_SYS_PTRACE',
      });
    }
  }

  /** Only this process can use it, and offsets in it are addresses in QEMU. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.memory}`;
  }

  get end(): number {
    return this.ranges.at(-1)?.end ?? 0;
  }

  get size(): number {
    return this.ranges.reduce((sum, range) => sum + range.end - range.start, 0);
  }

  read(phys: number, into: Uint8Array): boolean {
    return this.each(phys, into.length, (part, within, at, count) => {
      const target = into.subarray(at, at + count);
      if (this.kept !== null) return this.readKept(this.kept, part.offset + within, target);
      const address = part.address + within;
      if (count < LARGE) return readSync(this.memory, target, 0, count, address);
      return this.readLarge(part.offset + within, address, target);
    });
  }

  write(phys: number, from: Uint8Array): boolean {
    return this.each(phys, from.length, (part, within, at, count) =>
      this.kept === null ? writeSync(this.memory, from, at, count, part.address + within) : 0,
    );
  }

  readU64(phys: number): bigint | null {
    const word = Buffer.alloc(8);
    return this.read(phys, word) ? word.readBigUInt64LE() : null;
  }

  /** Nothing is left of QEMU's memory when QEMU has ended, so this takes what the machine has written. */
  outlive(): void {
    this.kept ??= this.collect();
  }

  private collect(): Map<number, Buffer> | null {
    const kept = new Map<number, Buffer>();
    for (const { offset, length, address } of this.parts)
      for (let at = 0; at < length; at += MAX_PAGES * PAGE) {
        const pages = Math.min(MAX_PAGES, Math.ceil((length - at) / PAGE));
        for (const { first, count, written } of this.written.runs(address + at, pages) ?? []) {
          if (!written) continue;
          if ((kept.size + count) * PAGE > MAX_KEPT) return null;
          const start = at + first * PAGE;
          const content = Buffer.alloc(count * PAGE);
          if (readSync(this.memory, content, 0, content.length, address + start) < content.length) return null;
          for (let page = 0; page < count; page++)
            kept.set(offset + start + page * PAGE, content.subarray(page * PAGE, (page + 1) * PAGE));
        }
      }
    return kept;
  }

  close(): void {
    closeSync(this.memory);
    closeSync(this.file);
    this.written.close();
  }

  /** Reads whole runs of pages; the first and the last page may be cut. */
  private readLarge(offset: number, address: number, into: Uint8Array): number {
    const cut = address % PAGE;
    const pages = Math.min(MAX_PAGES, Math.ceil((cut + into.length) / PAGE));
    const runs = this.written.runs(address - cut, pages);
    if (runs === null) return 0;
    let at = 0;
    for (const { first, count, written } of runs) {
      const end = Math.min(into.length, (first + count) * PAGE - cut);
      while (at < end) {
        const done = written
          ? readSync(this.memory, into, at, end - at, address + at)
          : readSync(this.file, into, at, end - at, offset + at);
        if (done <= 0) return 0;
        at += done;
      }
    }
    return at;
  }

  private readKept(kept: Map<number, Buffer>, offset: number, into: Uint8Array): number {
    const cut = offset % PAGE;
    const count = Math.min(into.length, PAGE - cut);
    const page = kept.get(offset - cut);
    if (page === undefined) return readSync(this.file, into, 0, count, offset);
    into.set(page.subarray(cut, cut + count));
    return count;
  }

  private each(
    phys: number,
    length: number,
    io: (part: MappedPart, within: number, at: number, count: number) => number,
  ): boolean {
    let at = 0;
    while (at < length) {
      const start = phys + at;
      const range = this.ranges.find((each) => start >= each.start && start < each.end);
      if (range === undefined) return false;
      const offset = range.offset + (start - range.start);
      const part = this.parts.find((each) => offset >= each.offset && offset < each.offset + each.length);
      if (part === undefined) return false;
      const within = offset - part.offset;
      const done = io(part, within, at, Math.min(length - at, range.end - start, part.length - within));
      if (done <= 0) return false;
      at += done;
    }
    return true;
  }
}
