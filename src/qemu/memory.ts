// SPDX-License-Identifier: Apache-2.0
// Reads and writes the machine's physical memory from outside, through the memfd that backs it. No kernel in the
// machine takes part, so no kernel bug can falsify what is read. The descriptor stays valid after QEMU has ended.
import { closeSync, openSync, readSync, readdirSync, readlinkSync, writeSync } from 'node:fs';
import { LabError } from '../util/errors.js';
import { RAM_ID } from './args.js';

/** A range of guest-physical addresses, and its offset in the memfd. All in bytes; `end` is exclusive. */
export interface RamRange {
  start: number;
  end: number;
  offset: number;
}

export class MachineMemory {
  private constructor(
    private readonly fd: number,
    /** Ascending, not overlapping. */
    readonly ranges: readonly RamRange[],
  ) {}

  /**
   * Opens the memory of a running machine. Nothing can be read if `mtree` is not understood
   * (features/table.ts).
   * @param mtree text of the human monitor's `info mtree -f`
   */
  static open(qemuPid: number, mtree: string): MachineMemory {
    return new MachineMemory(openMemfd(qemuPid, 'r+'), ramRanges(mtree));
  }

  /** Opens the memory of a machine whose monitor is in use: read-only, with known ranges. */
  static openRanges(qemuPid: number, ranges: readonly RamRange[]): MachineMemory {
    return new MachineMemory(openMemfd(qemuPid, 'r'), ranges);
  }

  /** Opens the memory of a machine whose RAM is a file. */
  static openFile(path: string, ranges: readonly RamRange[]): MachineMemory {
    return new MachineMemory(openSync(path, 'r+'), ranges);
  }

  /** Opens memory that was saved; it cannot be written. */
  static openSaved(path: string, ranges: readonly RamRange[]): MachineMemory {
    return new MachineMemory(openSync(path, 'r'), ranges);
  }

  /** Path by which another process of this host can open the memory, as long as the lab runs. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.fd}`;
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
    return this.each(phys, into.length, (offset, at, count) => readSync(this.fd, into, at, count, offset));
  }

  /** Writes physical memory. Returns false if any byte of it is not RAM. */
  write(phys: number, from: Uint8Array): boolean {
    return this.each(phys, from.length, (offset, at, count) => writeSync(this.fd, from, at, count, offset));
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
    closeSync(this.fd);
  }

  private each(phys: number, length: number, io: (offset: number, at: number, count: number) => number): boolean {
    let at = 0;
    while (at < length) {
      const address = phys + at;
      const range = this.ranges.find((r) => address >= r.start && address < r.end);
      if (range === undefined) return false;
      const count = Math.min(length - at, range.end - address);
      const done = io(range.offset + (address - range.start), at, count);
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

/**
 * Finds the ranges of RAM in the flat view of the address space `memory`, as QEMU 7.2 prints it:
 * `  0000000100000000-000000017fffffff (prio 0, ram): ram @0000000080000000 KVM`.
 */
export function ramRanges(mtree: string): RamRange[] {
  const ranges: RamRange[] = [];
  for (const view of mtree.split(/^FlatView #\d+/m)) {
    if (!/^ AS "memory"/m.test(view)) continue;
    for (const match of view.matchAll(
      /^ +([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, (ram|rom)\): (\S+)(?: @([0-9a-f]{16}))?/gm,
    )) {
      const [, first = '', last = '', , name, offset = '0'] = match;
      if (name !== RAM_ID) continue;
      ranges.push({ start: parseInt(first, 16), end: parseInt(last, 16) + 1, offset: parseInt(offset, 16) });
    }
    break;
  }
  return ranges.sort((a, b) => a.start - b.start);
}

/**
 * RAM of a q35 machine: below 2816 MiB all of it starts at 0, else 2 GiB are there and the rest starts at 4 GiB (QEMU
 * 7.2, hw/i386/pc_q35.c).
 */
export function q35Ranges(bytes: number): RamRange[] {
  const low = Math.min(bytes, bytes >= 0xb000_0000 ? 0x8000_0000 : 0xb000_0000);
  return [
    { start: 0, end: low, offset: 0 },
    ...(bytes > low ? [{ start: 2 ** 32, end: 2 ** 32 + bytes - low, offset: low }] : []),
  ];
}

function openMemfd(pid: number, flags: 'r' | 'r+'): number {
  const dir = `/proc/${pid}/fd`;
  for (const name of readdirSync(dir)) {
    let link: string;
    try {
      link = readlinkSync(`${dir}/${name}`);
    } catch {
      continue; // closed in the meantime
    }
    if (link.startsWith('/memfd:memory-backend-memfd')) return openSync(`${dir}/${name}`, flags);
  }
  throw new LabError('QEMU has no memfd open: the RAM of the machine cannot be read from outside');
}
