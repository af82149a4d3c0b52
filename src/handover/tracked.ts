// SPDX-License-Identifier: Apache-2.0
// How many pages a kernel has set aside for the next one: all bits of the map of the preserved memory (map.ts has the formats).
import { Instance } from './layouts.js';
import { bytesOf, depthOf, isRadix, KEY_WIDTH, leafBits, MOST_CHUNKS, nodeBits } from './map.js';
import { mapAddress } from './kho.js';
import { HandoverError, PAGE } from './memory.js';
import type { Walk } from './source.js';

/** More tables than the largest machine needs; a tree that has more goes round in circles. */
const MOST_TABLES = 1 << 18;

/** Pages of 4096 bytes. Throws HandoverError where the map is not there or not sound. */
export function trackedPages(walk: Walk): number {
  return isRadix(walk) ? inRadix(walk) : inList(walk);
}

function inRadix(walk: Walk): number {
  const [perNode, perLeaf] = [nodeBits(walk), leafBits(walk)];
  let [pages, tables] = [0, 0];
  const visit = (phys: number, level: number, prefix: bigint): void => {
    if (++tables > MOST_TABLES) throw new HandoverError('the map has more tables than any machine needs');
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
  const seen = new Set<number>();
  let pages = 0;
  for (let at: number | null = mapAddress(walk); at !== null; ) {
    if (seen.has(at) || seen.size >= MOST_CHUNKS) throw new HandoverError('the list of the map does not end');
    seen.add(at);
    const chunk: Instance = new Instance(walk.memory, walk.layouts, 'khoser_mem_chunk', at);
    const { offset, size } = chunk.field('bitmaps');
    const pointer = walk.layouts.size('khoser_mem_bitmap_ptr');
    const elements = Number(chunk.number('hdr.num_elms'));
    if (elements > size / pointer) throw new HandoverError(`a chunk of the map says that it holds ${elements} bitmaps`);
    for (let i = 0; i < elements; i++) {
      const bitmap = new Instance(walk.memory, walk.layouts, 'khoser_mem_bitmap_ptr', at + offset + i * pointer).address('bitmap.phys', PAGE);
      const bytes = walk.memory.bytes(bitmap, bytesOf(walk, 'kho_mem_phys_bits'), 'a bitmap of the map');
      pages += bytes.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0) * 2 ** Number(chunk.number('hdr.order'));
    }
    const next = chunk.number('hdr.next.phys');
    at = next === 0n ? null : walk.memory.address(next, PAGE, 'the next chunk of the map');
  }
  return pages;
}
