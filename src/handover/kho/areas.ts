// SPDX-License-Identifier: Apache-2.0
// Lists all areas in the map of preserved memory (map.ts explains the formats). A map with a loop is an error.
import { bytesOf, depthOf, isRadix, KEY_WIDTH, leafBits, listedBitmaps, nodeBits } from './map.js';
import { mapAddress } from './kho.js';
import { HandoverError, PAGE } from '../memory/memory.js';
import type { Walk } from '../memory/source.js';

/** 2^order pages, starting at a page frame. */
export interface Area {
  pfn: number;
  order: number;
}

/** As many areas as the lab's largest machine has pages. */
const MAX_AREAS = 2 ** 24;
const MAX_ORDER = 20;

/**
 * In no particular order. Throws HandoverError if the map is missing or invalid.
 * @param max number of areas; a map with more is an error
 */
export function* preservedAreas(walk: Walk, max = MAX_AREAS): Generator<Area> {
  let left = max;
  for (const area of isRadix(walk) ? inRadix(walk) : inList(walk)) {
    if (area.order < 0 || area.order > MAX_ORDER || !Number.isSafeInteger(area.pfn))
      throw new HandoverError('the map contains an impossible area of memory');
    if (--left < 0) throw new HandoverError(`the map contains more than ${max} areas`);
    yield area;
  }
}

function* inRadix(walk: Walk): Generator<Area> {
  const [perNode, perLeaf] = [nodeBits(walk), leafBits(walk)];
  const seen = new Set<number>();
  function* visit(phys: number, level: number, prefix: bigint): Generator<Area> {
    // A valid tree has one path to each node. This also stops at a loop.
    if (seen.has(phys)) throw new HandoverError(`0x${phys.toString(16)} is in the map twice`);
    seen.add(phys);
    if (level === 0) {
      yield* inLeaf(
        walk.memory.bytes(phys, bytesOf(walk, 'kho_radix_leaf'), 'a bitmap of the map'),
        prefix << BigInt(perLeaf),
      );
      return;
    }
    const node = Buffer.from(walk.memory.bytes(phys, bytesOf(walk, 'kho_radix_node'), 'a table of the map'));
    for (let at = 0; at < node.length; at += 8) {
      const entry = node.readBigUInt64LE(at);
      if (entry !== 0n)
        yield* visit(
          walk.memory.address(entry, PAGE, 'an entry of the map'),
          level - 1,
          (prefix << BigInt(perNode)) | BigInt(at / 8),
        );
    }
  }
  yield* visit(mapAddress(walk), depthOf(walk) - 1, 0n);
}

/**
 * The highest bit of a key gives the order, the rest the page frame.
 * @param base key of the bitmap's first bit
 */
function* inLeaf(bitmap: Uint8Array, base: bigint): Generator<Area> {
  for (const [index, byte] of bitmap.entries()) {
    for (let bit = 0; byte >> bit !== 0; bit++) {
      if (((byte >> bit) & 1) === 0) continue;
      const key = base | BigInt(index * 8 + bit);
      const width = key.toString(2).length;
      const order = KEY_WIDTH - width;
      yield { pfn: Number((key - (1n << BigInt(width - 1))) << BigInt(order)), order };
    }
  }
}

function* inList(walk: Walk): Generator<Area> {
  const size = bytesOf(walk, 'kho_mem_phys_bits');
  for (const { order, start, bitmap } of listedBitmaps(walk)) {
    for (const [index, byte] of walk.memory.bytes(bitmap, size, 'a bitmap of the map').entries()) {
      for (let bit = 0; byte >> bit !== 0; bit++) {
        if ((byte >> bit) & 1) yield { pfn: Number(start / BigInt(PAGE)) + (index * 8 + bit) * 2 ** order, order };
      }
    }
  }
}
