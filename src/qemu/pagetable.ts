// SPDX-License-Identifier: Apache-2.0
// Walks the page tables of an x86-64 kernel in the machine's physical memory, with four or five levels. Format: Intel
// SDM volume 3, chapter 4.5. The size of the requested range bounds every step.
import type { MemoryView, PhysicalMemory } from './memory.js';

const PRESENT = 1n;
const PAGE_SIZE_BIT = 1n << 7n;
const ADDRESS = 0x000f_ffff_ffff_f000n;

/** A range of linear addresses that is mapped to contiguous physical addresses; in bytes. */
export interface Mapping {
  linear: bigint;
  phys: number;
  length: number;
}

/** The top-level table. */
export interface PageRoot {
  /** Physical address. */
  table: number;
  levels: 4 | 5;
}

const LA57 = 1n << 12n;

/**
 * Returns the tables that a vCPU may be using, from CR3 without its low bits. With page-table isolation, user space
 * uses the second half of an 8 KiB pair: bit 12. CR4 tells whether there is a fifth level.
 */
export function kernelRoots({ cr3, cr4 }: { cr3: bigint; cr4: bigint }): PageRoot[] {
  const root = cr3 & ADDRESS;
  const levels = (cr4 & LA57) === 0n ? 4 : 5;
  return (root & 0x1000n ? [root, root & ~0x1000n] : [root]).map((table) => ({ table: Number(table), levels }));
}

/**
 * Returns the mapped parts of [linear, linear + length), in ascending order. Parts that are contiguous in both spaces
 * are joined.
 */
export function mappings(memory: MemoryView, root: PageRoot, linear: bigint, length: number): Mapping[] {
  const found: Mapping[] = [];
  const end = linear + BigInt(length);
  let at = linear;
  while (at < end) {
    const step = lookUp(memory, root, at);
    const next = (at / step.span + 1n) * step.span;
    if (step.phys !== null) {
      const size = Number((next < end ? next : end) - at);
      const last = found.at(-1);
      if (last !== undefined && last.linear + BigInt(last.length) === at && last.phys + last.length === step.phys)
        last.length += size;
      else found.push({ linear: at, phys: step.phys, length: size });
    }
    at = next;
  }
  return found;
}

/**
 * Translates one linear address; `phys` is null if it is not mapped. `span` is the size of the page, or of the hole,
 * around it.
 */
function lookUp(memory: MemoryView, root: PageRoot, linear: bigint): { phys: number | null; span: bigint } {
  let { table } = root;
  for (let shift = root.levels === 5 ? 48n : 39n; shift >= 12n; shift -= 9n) {
    const span = 1n << shift;
    const entry = memory.readU64(table + Number((linear >> shift) & 511n) * 8);
    if (entry === null || (entry & PRESENT) === 0n) return { phys: null, span };
    const leaf = shift === 12n || ((entry & PAGE_SIZE_BIT) !== 0n && shift < 39n);
    if (leaf) return { phys: Number((entry & ADDRESS & ~(span - 1n)) + (linear & (span - 1n))), span };
    table = Number(entry & ADDRESS);
  }
  return { phys: null, span: 4096n };
}

/** Reads linear memory; returns false if a part of it is not mapped. */
export function readLinear(memory: MemoryView, root: PageRoot, linear: bigint, into: Uint8Array): boolean {
  return eachPart(memory, root, linear, into.length, (phys, at, length) =>
    memory.read(phys, into.subarray(at, at + length)),
  );
}

export function writeLinear(memory: PhysicalMemory, root: PageRoot, linear: bigint, from: Uint8Array): boolean {
  return eachPart(memory, root, linear, from.length, (phys, at, length) =>
    memory.write(phys, from.subarray(at, at + length)),
  );
}

function eachPart(
  memory: MemoryView,
  root: PageRoot,
  linear: bigint,
  length: number,
  io: (phys: number, at: number, length: number) => boolean,
): boolean {
  const parts = mappings(memory, root, linear, length);
  if (parts.reduce((sum, part) => sum + part.length, 0) !== length) return false;
  return parts.every((part) => io(part.phys, Number(part.linear - linear), part.length));
}
