// SPDX-License-Identifier: Apache-2.0
// Simulated physical memory: frames that were written, zeros elsewhere, nothing behind the end.
import type { PhysicalMemory } from '../../src/qemu/memory.js';

const PAGE = 4096;

export class FakeMemory implements PhysicalMemory {
  private readonly frames = new Map<number, Buffer>();
  /** Number of reads so far, to test that they are bounded. */
  reads = 0;

  constructor(readonly end: number) {}

  get ranges() {
    return [{ start: 0, end: this.end, offset: 0 }];
  }

  private frame(pfn: number): Buffer {
    let frame = this.frames.get(pfn);
    if (frame === undefined) this.frames.set(pfn, (frame = Buffer.alloc(PAGE)));
    return frame;
  }

  read(phys: number, into: Uint8Array): boolean {
    this.reads++;
    if (phys + into.length > this.end) return false;
    for (let at = 0; at < into.length;) {
      const offset = (phys + at) % PAGE;
      const count = Math.min(PAGE - offset, into.length - at);
      const frame = this.frames.get((phys + at - offset) / PAGE);
      if (frame === undefined) into.fill(0, at, at + count);
      else into.set(frame.subarray(offset, offset + count), at);
      at += count;
    }
    return true;
  }

  write(phys: number, from: Uint8Array): boolean {
    if (phys + from.length > this.end) return false;
    from.forEach((byte, i) => (this.frame(Math.floor((phys + i) / PAGE))[(phys + i) % PAGE] = byte));
    return true;
  }

  readU64(phys: number): bigint | null {
    const word = Buffer.alloc(8);
    return this.read(phys, word) ? word.readBigUInt64LE() : null;
  }

  writeU64(phys: number, value: bigint): void {
    const word = Buffer.alloc(8);
    word.writeBigUInt64LE(value);
    this.write(phys, word);
  }
}

const PRESENT = 1n;
const WRITABLE = 2n;
const LARGE = 1n << 7n;
const NO_EXECUTE = 1n << 63n;
/** Of the entry's level: 4 KiB, 2 MiB, 1 GiB. */
export type PageShift = 12 | 21 | 30;

/** Builds page tables the way a kernel does; tables are taken from `next` on. */
export class PageTables {
  constructor(
    private readonly memory: Pick<FakeMemory, 'readU64' | 'writeU64'>,
    readonly root: number,
    private next: number,
    private readonly levels: 4 | 5 = 4,
  ) {}

  map(linear: bigint, phys: number, shift: PageShift = 12): void {
    let table = this.root;
    for (let level = this.levels === 5 ? 48 : 39; level > shift; level -= 9) {
      const entry = table + this.index(linear, level) * 8;
      const old = this.memory.readU64(entry) ?? 0n;
      if ((old & PRESENT) === 0n) {
        this.memory.writeU64(entry, BigInt(this.next) | PRESENT | WRITABLE);
        this.next += PAGE;
      }
      table = Number((this.memory.readU64(entry) ?? 0n) & 0x000f_ffff_ffff_f000n);
    }
    this.set(table, linear, shift, BigInt(phys) | PRESENT | WRITABLE | NO_EXECUTE | (shift > 12 ? LARGE : 0n));
  }

  /** Writes an entry of a table as it is. */
  set(table: number, linear: bigint, shift: number, entry: bigint): void {
    this.memory.writeU64(table + this.index(linear, shift) * 8, entry);
  }

  private index(linear: bigint, shift: number): number {
    return Number((linear >> BigInt(shift)) & 511n);
  }
}
