// SPDX-License-Identifier: Apache-2.0
// Finds root trees by their content: a page with a device tree whose `compatible` is `kho-vN`. For memory whose root
// address is unknown.
import { readFdt } from '../memory/fdt.js';
import { textOf } from '../memory/memory.js';

const MAX_ROOTS = 16;

/** Version of the root tree in a page, or null. */
export function rootVersion(page: Uint8Array): string | null {
  // The magic rules out most pages.
  if (page[0] !== 0xd0 || page[1] !== 0x0d || page[2] !== 0xfe || page[3] !== 0xed) return null;
  const tree = readFdt(page);
  const compatible = tree?.properties.get('compatible');
  if (compatible === undefined) return null;
  const version = textOf(compatible);
  return /^kho-v\d+$/.test(version) ? version : null;
}

/** Physical addresses of the first MAX_ROOTS root trees in these pages. */
export function findRoots(pages: Iterable<{ phys: number; bytes: Uint8Array }>): number[] {
  const roots: number[] = [];
  for (const { phys, bytes } of pages) {
    if (rootVersion(bytes) === null) continue;
    roots.push(phys);
    if (roots.length >= MAX_ROOTS) break;
  }
  return roots;
}
