// SPDX-License-Identifier: Apache-2.0
// Reads the running kernel's array of `struct page` from outside: it finds the array in the page tables, then reads it
// from physical memory.
import type { Pieces } from '../util/loop/turns.js';
import { Scratch } from '../util/scratch.js';
import type { MemoryView } from './memory.js';
import { kernelRoots, type Mapping, mappings, readLinear } from './pagetable.js';

const CHUNK = 1 << 20;
const KERNEL_HALF = 1n << 63n;
/**
 * Start of the array with four levels, without address randomisation (arch/x86/include/asm/pgtable_64_types.h). Used if
 * no variable tells.
 */
export const VMEMMAP = 0xffff_ea00_0000_0000n;
const BASES = { 4: VMEMMAP, 5: 0xffd4_0000_0000_0000n } as const;

export interface PageArray {
  /** Linear address. */
  base: bigint;
  /** Bytes of one `struct page`. */
  entry: number;
  /** Where the array lies in physical memory; ascending, with holes. */
  parts: Mapping[];
}

export interface ArrayLocation {
  registers: { cr3: bigint; cr4: bigint };
  /** Linear address of the kernel's variable `vmemmap_base`; null if it has none, or if unknown. */
  variable: bigint | null;
  entry: number;
}

/** Returns null if no page table maps the array: the kernel has another layout. */
export function findPageArray(memory: MemoryView, { registers, variable, entry }: ArrayLocation): PageArray | null {
  const length = (memory.end / 4096) * entry;
  const word = Buffer.alloc(8);
  for (const root of kernelRoots(registers)) {
    const fromVariable = variable !== null && readLinear(memory, root, variable, word) ? word.readBigUInt64LE() : 0n;
    for (const base of [fromVariable, BASES[root.levels]]) {
      const parts = base >= KERNEL_HALF && base % 4096n === 0n ? mappings(memory, root, base, length) : [];
      if (parts.some(({ phys }) => phys < memory.end)) return { base, entry, parts };
    }
  }
  return null;
}

/**
 * Calls `visit` with parts of the array, in pieces; each part has a whole number of entries.
 * @returns number of entries visited
 */
export function* eachStructPage(
  memory: MemoryView,
  { base, entry, parts }: PageArray,
  visit: (structs: Uint32Array, firstPfn: number) => void,
): Pieces<number> {
  using scratch = new Scratch(parts.reduce((max, { length }) => Math.max(max, Math.min(CHUNK, length)), 0));
  const { words } = scratch;
  let entries = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; at += CHUNK) {
      const size = Math.min(CHUNK, part.length - at);
      if (!memory.read(part.phys + at, new Uint8Array(words.buffer, 0, size))) continue;
      visit(words.subarray(0, size / 4), Number(part.linear - base + BigInt(at)) / entry);
      entries += size / entry;
      yield;
    }
  }
  return entries;
}

/** Reads the entries of pages [pfn, pfn + count) into `into`. Returns false if the array does not cover all of them. */
export function readStructs(
  memory: MemoryView,
  { base, entry, parts }: PageArray,
  pfn: number,
  into: Uint8Array,
): boolean {
  let linear = base + BigInt(pfn * entry);
  let at = 0;
  for (const part of parts) {
    const offset = Number(linear - part.linear);
    if (offset < 0) return false;
    if (offset >= part.length) continue;
    const size = Math.min(part.length - offset, into.length - at);
    if (!memory.read(part.phys + offset, into.subarray(at, at + size))) return false;
    at += size;
    linear += BigInt(size);
    if (at === into.length) return true;
  }
  return false;
}
