// SPDX-License-Identifier: Apache-2.0
// Reads and writes the machine's physical memory from outside, through the memfds that back it: one, or one for each
// NUMA node and each module that was added. No kernel in the machine takes part, so no kernel bug can falsify what is
// read. The descriptors stay valid after QEMU has ended.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { RAM_ID } from './args.js';
import { backendFiles } from './ram/backends.js';
import { type HostAddresses, type RamRange, ramRanges } from './ram/ranges.js';

export { type HostAddresses, q35Ranges, type RamRange, ramRanges } from './ram/ranges.js';

export class MachineMemory {
  private constructor(
    /** By the id of the backend. */
    private readonly fds: ReadonlyMap<string, number>,
    /** Ascending, not overlapping. */
    readonly ranges: readonly RamRange[],
  ) {}

  /**
   * Opens the memory of a running machine. Nothing can be read if `mtree` is not understood
   * (features/table.ts).
   * @param mtree text of the human monitor's `info mtree -f`
   * @param addresses where QEMU has mapped each backend, if there are several
   */
  static open(qemuPid: number, mtree: string, addresses: HostAddresses = new Map()): MachineMemory {
    const ranges = ramRanges(mtree);
    return new MachineMemory(openEach(backendFiles(qemuPid, addresses), 'r+'), ranges);
  }

  /** Opens the memory of a machine whose monitor is in use: read-only, with known ranges. */
  static openRanges(qemuPid: number, ranges: readonly RamRange[]): MachineMemory {
    return new MachineMemory(openEach(backendFiles(qemuPid, new Map()), 'r'), ranges);
  }

  /** Opens the memory of a machine whose RAM is a file. */
  static openFile(path: string, ranges: readonly RamRange[]): MachineMemory {
    return new MachineMemory(openEach(new Map([[RAM_ID, path]]), 'r+'), ranges);
  }

  /** Opens memory that was saved; it cannot be written. */
  static openSaved(path: string, ranges: readonly RamRange[]): MachineMemory {
    return new MachineMemory(openEach(new Map([[RAM_ID, path]]), 'r'), ranges);
  }

  /** Path by which another process of this host can open the memory, as long as the lab runs: of its first backend. */
  get path(): string {
    const [first = -1] = this.fds.values();
    return `/proc/${process.pid}/fd/${first}`;
  }

  /** The first address behind the last byte of RAM. */
  get end(): number {
    return this.ranges.at(-1)?.end ?? 0;
  }

  /** Size of RAM in bytes. */
  get size(): number {
    return this.ranges.reduce((sum, range) => sum + range.end - range.start, 0);
  }

  /** Reads physical memory. Returns false, and leaves `into` undefined, if any byte of it is not RAM. */
  read(phys: number, into: Uint8Array): boolean {
    return this.each(phys, into.length, (fd, offset, at, count) => readSync(fd, into, at, count, offset));
  }

  /** Writes physical memory. Returns false if any byte of it is not RAM. */
  write(phys: number, from: Uint8Array): boolean {
    return this.each(phys, from.length, (fd, offset, at, count) => writeSync(fd, from, at, count, offset));
  }

  /** Reads a little-endian 64-bit word; null if there is no RAM. */
  readU64(phys: number): bigint | null {
    const word = Buffer.alloc(8);
    return this.read(phys, word) ? word.readBigUInt64LE() : null;
  }

  /** Call it before QEMU ends if the content is needed afterwards. The descriptor of a memfd keeps it anyway. */
  outlive(): void {
    return;
  }

  close(): void {
    for (const fd of this.fds.values()) closeSync(fd);
  }

  private each(
    phys: number,
    length: number,
    io: (fd: number, offset: number, at: number, count: number) => number,
  ): boolean {
    let at = 0;
    while (at < length) {
      const address = phys + at;
      const range = this.ranges.find((r) => address >= r.start && address < r.end);
      const fd = range === undefined ? undefined : this.fds.get(range.backend ?? RAM_ID);
      if (range === undefined || fd === undefined) return false;
      const count = Math.min(length - at, range.end - address);
      const done = io(fd, range.offset + (address - range.start), at, count);
      if (done <= 0) return false;
      at += done;
    }
    return true;
  }
}

/** Read access. */
export type MemoryView = Pick<MachineMemory, 'ranges' | 'end' | 'read' | 'readU64'>;
/** Read and write access. */
export type PhysicalMemory = MemoryView & Pick<MachineMemory, 'write'>;
/** The owner's access. */
export type OpenMemory = Pick<MachineMemory, keyof MachineMemory>;

function openEach(files: ReadonlyMap<string, string>, flags: 'r' | 'r+'): Map<string, number> {
  const fds = new Map<string, number>();
  try {
    for (const [backend, path] of files) fds.set(backend, openSync(path, flags));
    return fds;
  } catch (error) {
    for (const fd of fds.values()) closeSync(fd);
    throw error;
  }
}
