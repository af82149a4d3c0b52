// SPDX-License-Identifier: Apache-2.0
// How many pages a kernel has set aside for the next one: all bits of the map of the preserved memory (map.ts has the formats).
import { bytesOf, depthOf, isRadix, KEY_WIDTH, leafBits, listedBitmaps, nodeBits } from './map.js';
import { mapAddress } from './kho.js';
import { HandoverError, PAGE } from './memory.js';
import type { Walk } from './source.js';

/** Pages of 4096 bytes. Throws HandoverError where the map is not there or not sound. */
export function trackedPages(walk: Walk): number {
  return isRadix(walk) ? inRadix(walk) : inList(walk);
}

function inRadix(walk: Walk): number {
  const [perNode, perLeaf] = [nodeBits(walk), leafBits(walk)];
  const seen = new Set<number>();
  let pages = 0;
  const visit = (phys: number, level: number, prefix: bigint): void => {
    // In a sound tree nothing hangs in two places; this also ends one that goes round in circles.
    if (seen.has(phys)) throw new HandoverError(`0x${phys.toString(16)} stands twice in the map`);
    seen.add(phys);
    if (level === 0) {
      pages += inLeaf(walk.memory.bytes(phys, bytesOf(walk, 'kho_radix_leaf'), 'a bitmap of the map'), prefix, perLeaf);
      return;
    }
    const node = Buffer.from(walk.memory.bytes(phys, bytesOf(walk, 'kho_radix_node'), 'a table of the map'));
    for (let at = 0; at < node.length; at += 8) {
      const entry = node.readBigUInt64LE(at);
      if (entry !== 0n) visit(walk.memory.address(entry, PAGE, 'an entry of the map'), level - 1, (prefix << BigInt(perNode)) | BigInt(at / 8));
    }
  };
  visit(mapAddress(walk), depthOf(walk) - 1, 0n);
  return pages;
}

/** The highest bit of a key tells the order; where the key's upper part is 0 it stands within the bitmap. */
function inLeaf(bitmap: Uint8Array, prefix: bigint, perLeaf: number): number {
  let pages = 0;
  const upper = prefix === 0n ? 0 : prefix.toString(2).length + perLeaf;
  for (const [index, byte] of bitmap.entries()) {
    for (let bit = 0; byte >> bit !== 0; bit++) {
      if (((byte >> bit) & 1) === 0) continue;
      const order = KEY_WIDTH - (upper === 0 ? (index * 8 + bit).toString(2).length : upper);
      pages += 2 ** order;
    }
  }
  return pages;
}

function inList(walk: Walk): number {
  const size = bytesOf(walk, 'kho_mem_phys_bits');
  return listedBitmaps(walk).reduce((pages, { order, bitmap }) => pages + bitsIn(walk.memory.bytes(bitmap, size, 'a bitmap of the map')) * 2 ** order, 0);
}

function bitsIn(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
}
