// SPDX-License-Identifier: Apache-2.0
// What a running kernel says about itself for crash dumps (VMCOREINFO), such as sizes and offsets of its structures.
// Format: Documentation/admin-guide/kdump/vmcoreinfo.rst. The kernel is hostile: one page is read, and what does not
// parse is not there.
import type { MemoryView } from '../../qemu/memory.js';
import { type PageRoot, readLinear } from '../../qemu/pagetable.js';

const PAGE = 4096;

export type Vmcoreinfo = ReadonlyMap<string, string>;

/**
 * Reads it.
 * @param pointer linear address of the kernel's variable `vmcoreinfo_data`
 * @returns null if there is none
 */
export function readVmcoreinfo(memory: MemoryView, root: PageRoot, pointer: bigint): Vmcoreinfo | null {
  const word = Buffer.alloc(8);
  if (!readLinear(memory, root, pointer, word)) return null;
  const bytes = Buffer.alloc(PAGE);
  const at = word.readBigUInt64LE();
  if (at % BigInt(PAGE) !== 0n || !readLinear(memory, root, at, bytes)) return null;
  const end = bytes.indexOf(0);
  const text = bytes.toString('latin1', 0, end === -1 ? PAGE : end);
  if (!text.startsWith('OSRELEASE=')) return null;
  return new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const equals = line.indexOf('=');
      return equals > 0 ? [[line.slice(0, equals), line.slice(equals + 1)]] : [];
    }),
  );
}

/** How a `struct page` looks, as far as the lab reads it. */
export interface PageLayout {
  size: number;
  /** Offset of `private`, where KHO leaves its marks. */
  marks: number;
}

/** The layout that a kernel tells; null for what it does not tell. */
export function pageLayout(info: Vmcoreinfo): Record<keyof PageLayout, number | null> {
  const number = (key: string) => {
    const value = info.get(key);
    return value !== undefined && /^\d{1,6}$/.test(value) ? Number(value) : null;
  };
  return { size: number('SIZE(page)'), marks: number('OFFSET(page.private)') };
}
