// SPDX-License-Identifier: Apache-2.0
// Reads and writes the physical memory of a machine whose RAM is a private mapping of a file: QEMU's own memory, at the
// place of that mapping. The file does not show what the machine has written.
//
// The host's kernel allows it to whoever may trace QEMU: root with CAP_SYS_PTRACE, or QEMU's own user; with Yama's
// ptrace_scope=1 to QEMU's parents as well, which the lab is. ptrace_scope=2 and 3, and containers without
// CAP_SYS_PTRACE in which QEMU has a user of its own, refuse it: such a machine cannot be resumed.
import { closeSync, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';
import { messageOf } from '../../util/errors.js';
import { type OpenMemory, type RamRange, ramRanges } from '../memory.js';
import { SnapshotError } from './error.js';

/** A part of the file, and where QEMU has mapped it. In bytes. */
export interface MappedPart {
  offset: number;
  length: number;
  address: number;
}

export class PrivateMemory implements OpenMemory {
  private constructor(
    private readonly fd: number,
    private readonly parts: readonly MappedPart[],
    readonly ranges: readonly RamRange[],
  ) {}

  /**
   * Opens the memory of a resumed machine.
   * @param ramFile file of its RAM
   * @param mtree text of the human monitor's `info mtree -f`
   */
  static open(qemuPid: number, ramFile: string, mtree: string): PrivateMemory {
    const ranges = ramRanges(mtree);
    let fd: number | null = null;
    try {
      const { ino } = statSync(ramFile);
      const parts = mappedParts(readFileSync(`/proc/${qemuPid}/maps`, 'latin1'), { path: ramFile, inode: ino });
      fd = openSync(`/proc/${qemuPid}/mem`, 'r+');
      const memory = new PrivateMemory(fd, parts, ranges);
      const [first] = ranges;
      if (first === undefined || !memory.read(first.start, new Uint8Array(8)))
        throw new Error(`QEMU has not mapped ${ramFile}`);
      return memory;
    } catch (error) {
      if (fd !== null) closeSync(fd);
      throw new SnapshotError('memory', `the memory of a resumed machine cannot be opened: ${messageOf(error)}`, {
        cause: error,
        hint: 'the lab must be allowed to trace QEMU: see /proc/sys/kernel/yama/ptrace_scope, and CAP_SYS_PTRACE',
      });
    }
  }

  /** Only this process can use it. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.fd}`;
  }

  get end(): number {
    return this.ranges.at(-1)?.end ?? 0;
  }

  get size(): number {
    return this.ranges.reduce((sum, range) => sum + range.end - range.start, 0);
  }

  read(phys: number, into: Uint8Array): boolean {
    return this.each(phys, into.length, (address, at, count) => readSync(this.fd, into, at, count, address));
  }

  write(phys: number, from: Uint8Array): boolean {
    return this.each(phys, from.length, (address, at, count) => writeSync(this.fd, from, at, count, address));
  }

  readU64(phys: number): bigint | null {
    const word = Buffer.alloc(8);
    return this.read(phys, word) ? word.readBigUInt64LE() : null;
  }

  close(): void {
    closeSync(this.fd);
  }

  private each(phys: number, length: number, io: (address: number, at: number, count: number) => number): boolean {
    let at = 0;
    while (at < length) {
      const start = phys + at;
      const range = this.ranges.find((each) => start >= each.start && start < each.end);
      if (range === undefined) return false;
      const offset = range.offset + (start - range.start);
      const part = this.parts.find((each) => offset >= each.offset && offset < each.offset + each.length);
      if (part === undefined) return false;
      const within = offset - part.offset;
      const count = Math.min(length - at, range.end - start, part.length - within);
      const done = io(part.address + within, at, count);
      // Nothing is left of the memory of a process that has ended.
      if (done <= 0) return false;
      at += done;
    }
    return true;
  }
}

/**
 * Finds a file's writable private mappings (proc_pid_maps(5)):
 * `7f0000000000-7f0040000000 rw-p 00000000 fe:00 123  /cache/ram`.
 */
export function mappedParts(maps: string, file: { path: string; inode: number }): MappedPart[] {
  const all = maps.split('\n').flatMap((line) => {
    const [, from = '', to = '', offset = '', inode = '', path = ''] =
      /^([0-9a-f]+)-([0-9a-f]+) rw-p ([0-9a-f]+) \S+ (\d+)\s+(.*)$/.exec(line) ?? [];
    const address = parseInt(from, 16);
    return path === ''
      ? []
      : [{ path, inode: Number(inode), offset: parseInt(offset, 16), length: parseInt(to, 16) - address, address }];
  });
  const named = all.filter(({ path }) => path === file.path);
  // A sandbox may show the file under another name.
  const found = named.length > 0 ? named : all.filter(({ inode }) => inode === file.inode);
  return found.map(({ offset, length, address }) => ({ offset, length, address }));
}
