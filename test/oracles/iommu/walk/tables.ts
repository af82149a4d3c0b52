// SPDX-License-Identifier: Apache-2.0
// Builds the tables of an IOMMU in simulated memory, entry by entry, as the specifications define them.
import type { ReadPhys } from '../../../../src/handover/memory/memory.js';
import { FakeMemory } from '../../../qemu/fake-memory.js';

export const PAGE = 4096;
export const MIB = 1 << 20;
export const R = 1n;
export const W = 2n;
export const RW = 3n;

/** Memory of 64 MiB; tables are allocated from 1 MiB on. */
export class Machine {
  readonly memory: FakeMemory;
  private next = MIB;

  constructor(end = 64 * MIB) {
    this.memory = new FakeMemory(end);
  }

  get read(): ReadPhys {
    return (phys, into) => this.memory.read(phys, into);
  }

  /** Allocates a page for a table. */
  page(): number {
    this.next += PAGE;
    return this.next - PAGE;
  }

  set(table: number, index: number, entry: bigint): void {
    this.memory.writeU64(table + index * 8, entry);
  }

  get(table: number, index: number): bigint {
    return this.memory.readU64(table + index * 8) ?? 0n;
  }

  /**
   * Adds a leaf at `level` to tables of `levels` levels below `root`. `link` has the bits that an entry leading to a
   * table has besides its address.
   */
  leaf(
    root: number,
    levels: number,
    iova: bigint,
    level: number,
    entry: bigint,
    link: (below: number) => bigint,
  ): void {
    let table = root;
    for (let at = levels; at > level; at--) {
      const index = indexOf(iova, at);
      if (this.get(table, index) === 0n) this.set(table, index, BigInt(this.page()) | link(at - 1));
      table = Number(this.get(table, index) & 0x000f_ffff_ffff_f000n);
    }
    this.set(table, indexOf(iova, level), entry);
  }

  /** Adds a VT-d second-level mapping. */
  second(root: number, levels: number, iova: bigint, phys: number, level = 1, rights = RW): void {
    this.leaf(root, levels, iova, level, BigInt(phys) | rights | (level > 1 ? 0x80n : 0n), () => RW);
  }

  /** Adds a first-level mapping: present, user, writable. */
  first(root: number, levels: number, iova: bigint, phys: number, level = 1, bits = 7n | (1n << 63n)): void {
    this.leaf(root, levels, iova, level, BigInt(phys) | bits | (level > 1 ? 0x80n : 0n), () => 7n);
  }

  /** Adds an AMD host mapping; `next` of the leaf is 0 or 7. */
  amd(root: number, levels: number, iova: bigint, phys: bigint, level = 1, next = 0n, rights = RW): void {
    this.leaf(
      root,
      levels,
      iova,
      level,
      phys | 1n | (next << 9n) | (rights << 61n),
      (below) => 1n | (BigInt(below) << 9n) | (RW << 61n),
    );
  }
}

export function indexOf(iova: bigint, level: number): number {
  return Number((iova >> BigInt(12 + 9 * (level - 1))) & 511n);
}

/** The tests' device: 00:10.0. */
export const SID = 0x80;

/**
 * Builds a machine with a root table, a context table for bus 0, and a context entry for SID that leads to an empty
 * page table.
 */
export function legacy(levels = 4, end?: number) {
  const machine = new Machine(end);
  const root = machine.page();
  const context = machine.page();
  const table = machine.page();
  machine.set(root, 0, BigInt(context) | 1n);
  machine.set(context, SID * 2, BigInt(table) | 1n);
  machine.set(context, SID * 2 + 1, BigInt(levels - 2) | (7n << 8n));
  return { machine, root, context, table, register: BigInt(root) };
}

/**
 * Builds the same in scalable mode. Devfn 0x80 is the first in the upper context table; RID_PASID is 70, the seventh in
 * the second PASID table.
 */
export function scalable(entry: (table: number) => readonly bigint[]) {
  const machine = new Machine();
  const [root, context, directory, pasids, table] = [
    machine.page(),
    machine.page(),
    machine.page(),
    machine.page(),
    machine.page(),
  ] as const;
  machine.set(root, 1, BigInt(context) | 1n);
  machine.set(context, 0, BigInt(directory) | 1n);
  machine.set(context, 1, 70n);
  machine.set(directory, 1, BigInt(pasids) | 1n);
  entry(table).forEach((word, i) => machine.set(pasids, 6 * 8 + i, word));
  return { machine, root, context, directory, pasids, table, register: BigInt(root) | (1n << 10n) };
}

/** Builds a device table of 256 entries. The entry for SID leads to an empty page table. */
export function amd(levels = 3) {
  const machine = new Machine();
  const [base, second, table] = [machine.page(), machine.page(), machine.page()] as const;
  machine.set(second, 0, BigInt(table) | 3n | (BigInt(levels) << 9n) | (RW << 61n));
  machine.set(second, 1, 9n);
  return { machine, base, entry: second, table, register: BigInt(base) | 1n };
}

export function random(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
}
