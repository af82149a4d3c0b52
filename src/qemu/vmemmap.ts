// SPDX-License-Identifier: Apache-2.0
// Reads the running kernel's array of `struct page` from outside: finds it in the page tables, then in physical memory.
import type { MachineMemory } from './memory.js';
import { kernelRoots, mappings } from './pagetable.js';

const CHUNK = 4 << 20;

/**
 * Calls `visit` with pieces of the array, each a whole number of entries long.
 * @param cr3 of any vCPU
 * @param base linear address of the array
 * @param entry bytes of one `struct page`
 * @returns entries visited; 0 where no page table maps the array (a kernel that lays it out differently)
 */
export function eachStructPage(
  memory: MachineMemory, cr3: bigint, base: bigint, entry: number, visit: (structs: Uint32Array, firstPfn: number) => void,
): number {
  const length = (memory.end / 4096) * entry;
  const parts = kernelRoots(cr3).map((root) => mappings(memory, root, base, length)).find((found) => found.length > 0) ?? [];
  const words = new Uint32Array(CHUNK / 4);
  let entries = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; at += CHUNK) {
      const size = Math.min(CHUNK, part.length - at);
      if (!memory.read(part.phys + at, new Uint8Array(words.buffer, 0, size))) continue;
      visit(words.subarray(0, size / 4), Number(part.linear - base + BigInt(at)) / entry);
      entries += size / entry;
    }
  }
  return entries;
}
