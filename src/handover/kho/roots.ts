// SPDX-License-Identifier: Apache-2.0
// Root trees of handovers, by what they look like: a page that is a device tree which says `kho-vN`. For memory of
// which nobody says where its root is.
import { readFdt } from '../memory/fdt.js';
import { textOf } from '../memory/memory.js';

const MOST_ROOTS = 16;

/** The version of the root tree that a page holds, or null. */
export function rootVersion(page: Uint8Array): string | null {
  // First the magic: of most pages no more is looked at.
  if (page[0] !== 0xd0 || page[1] !== 0x0d || page[2] !== 0xfe || page[3] !== 0xed) return null;
  const tree = readFdt(page);
  const compatible = tree?.properties.get('compatible');
  if (compatible === undefined) return null;
  const version = textOf(compatible);
  return /^kho-v\d+$/.test(version) ? version : null;
}

/** Physical addresses of all root trees among some pages; of a hostile memory only the first ones. */
export function findRoots(pages: Iterable<{ phys: number; bytes: Uint8Array }>): number[] {
  const found: number[] = [];
  for (const { phys, bytes } of pages) {
    if (rootVersion(bytes) === null) continue;
    found.push(phys);
    if (found.length >= MOST_ROOTS) break;
  }
  return found;
}
