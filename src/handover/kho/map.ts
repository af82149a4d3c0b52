// SPDX-License-Identifier: Apache-2.0
// The map of the preserved memory. 7.1 and later: a radix tree whose keys hold page frame and order
// (include/linux/kho/abi/ kexec_handover.h, kho_encode_radix_key()). 6.19 and older: a list of chunks, each with
// bitmaps of one order (kernel/liveupdate/kexec_handover.c).
import { Instance } from '../memory/layouts.js';
import { HandoverError, littleEndian, PAGE } from '../memory/memory.js';
import { mapAddress } from './kho.js';
import type { Walk } from '../source.js';
import { numberSpot, type Spot } from '../place/field-location.js';

/** KHO_RADIX_KEY_WIDTH: a page frame number of 64 - 12 bits, and the bit that tells the order. */
export const KEY_WIDTH = 53;
const MOST_ORDER = 20;
/** Chunks, or bitmaps of 128 MiB and more: more than any machine needs. A list that is longer is none. */
const MOST_CHUNKS = 65_536;

/** The bit of the area of 2^order pages that begins at a page frame, or null where the map has no place for it. */
type FindBit = (pfn: number, order: number) => Spot | null;

export function isRadix({ layouts }: Walk): boolean {
  return layouts.has('kho_radix_node');
}

export function mapSpot(walk: Walk, field: 'root' | 'leaf'): Spot {
  const top = mapAddress(walk);
  if (!isRadix(walk)) {
    const chunk = new Instance(walk.memory, walk.layouts, 'khoser_mem_chunk', top);
    if (field === 'root') return chunk.spot('bitmaps[].bitmap.phys');
    return firstWord(
      walk,
      chunk.address('bitmaps[].bitmap.phys', PAGE),
      bytesOf(walk, 'kho_mem_phys_bits'),
      'the first bitmap of the map',
    );
  }
  const root = firstWord(walk, top, bytesOf(walk, 'kho_radix_node'), 'the root of the map');
  if (field === 'root') return root;
  let entry = root;
  for (let level = depthOf(walk) - 1; level > 0; level--) {
    const next = follow(walk, entry.phys);
    const last = level === 1;
    entry = firstWord(
      walk,
      next,
      bytesOf(walk, last ? 'kho_radix_leaf' : 'kho_radix_node'),
      last ? 'the first bitmap of the map' : `level ${level} of the map`,
    );
  }
  return entry;
}

export function bytesOf({ layouts }: Walk, name: string): number {
  const size = layouts.size(name);
  if (size > 2 ** 20 || size % 8 !== 0) throw new HandoverError(`struct ${name} of ${size} bytes is no part of a map`);
  return size;
}

function follow({ memory }: Walk, phys: number): number {
  return memory.address(memory.number(phys, 8, 'the map'), PAGE, 'an entry of the map');
}

/** The first 64-bit word that is not 0. */
function firstWord({ memory }: Walk, phys: number, size: number, what: string): Spot {
  const bytes = memory.bytes(phys, size, what);
  for (let at = 0; at < size; at += 8)
    if (bytes.subarray(at, at + 8).some((byte) => byte !== 0)) return numberSpot(phys + at, 8, phys);
  throw new HandoverError(`${what} at 0x${phys.toString(16)} is empty`);
}

/** Levels, the one of the bitmaps among them (KHO_TREE_MAX_DEPTH). */
export function depthOf(walk: Walk): number {
  return Math.ceil((KEY_WIDTH - leafBits(walk)) / nodeBits(walk)) + 1;
}

export function nodeBits(walk: Walk): number {
  return Math.log2(bytesOf(walk, 'kho_radix_node') / 8);
}

export function leafBits(walk: Walk): number {
  return Math.log2(bytesOf(walk, 'kho_radix_leaf') * 8);
}

function bitSpot(holder: number, bit: number): Spot {
  return { ...numberSpot(holder + Math.floor(bit / 8), 1, holder), bits: { shift: bit % 8, width: 1 } };
}

function radixBit(walk: Walk): FindBit {
  const top = mapAddress(walk);
  const depth = depthOf(walk);
  const inNode = nodeBits(walk);
  const inLeaf = leafBits(walk);
  if (!Number.isInteger(inNode) || !Number.isInteger(inLeaf) || inNode < 1)
    throw new HandoverError('the map of this kernel is of another kind');
  return (pfn, order) => {
    const key = (1n << BigInt(KEY_WIDTH - 1 - order)) | (BigInt(pfn) >> BigInt(order));
    let node = top;
    for (let level = depth - 1; level > 0; level--) {
      const index = Number((key >> BigInt((level - 1) * inNode + inLeaf)) & ((1n << BigInt(inNode)) - 1n));
      const entry = walk.memory.number(node + index * 8, 8, 'the map');
      if (entry === 0n) return null;
      node = walk.memory.address(entry, PAGE, 'an entry of the map');
    }
    return bitSpot(node, Number(key & ((1n << BigInt(inLeaf)) - 1n)));
  };
}

export interface Bitmap {
  order: number;
  /** Physical address of the first area that it stands for, and of the bitmap itself. */
  start: bigint;
  bitmap: number;
}

/** The bitmaps of a map that is a list (6.19 and older). */
export function listedBitmaps(walk: Walk): Bitmap[] {
  const pointer = walk.layouts.size('khoser_mem_bitmap_ptr');
  const found: Bitmap[] = [];
  const seen = new Set<number>();
  for (let at = mapAddress(walk); ;) {
    if (seen.has(at) || seen.size + found.length >= MOST_CHUNKS)
      throw new HandoverError('the list of the map does not end');
    seen.add(at);
    const chunk = new Instance(walk.memory, walk.layouts, 'khoser_mem_chunk', at);
    const elements = chunk.number('hdr.num_elms');
    const { offset, size } = chunk.field('bitmaps');
    if (elements > BigInt(Math.floor(size / pointer)))
      throw new HandoverError(`a chunk of the map says that it holds ${elements} bitmaps`);
    for (let i = 0; i < Number(elements); i++) {
      const element = new Instance(walk.memory, walk.layouts, 'khoser_mem_bitmap_ptr', at + offset + i * pointer);
      found.push({
        order: Number(chunk.number('hdr.order')),
        start: element.number('phys_start'),
        bitmap: element.address('bitmap.phys', PAGE),
      });
    }
    const next = chunk.number('hdr.next.phys');
    if (next === 0n) return found;
    at = walk.memory.address(next, PAGE, 'the next chunk of the map');
  }
}

function listBit(walk: Walk): FindBit {
  const bitmapBits = BigInt(bytesOf(walk, 'kho_mem_phys_bits') * 8);
  const found = listedBitmaps(walk);
  return (pfn, order) => {
    const phys = BigInt(pfn) * BigInt(PAGE);
    const unit = BigInt(PAGE) << BigInt(order);
    const element = found.find(
      (each) => each.order === order && phys >= each.start && (phys - each.start) / unit < bitmapBits,
    );
    if (element === undefined) return null;
    return bitSpot(element.bitmap, Number((phys - element.start) / unit));
  };
}

/** The bit that preserves the area which begins with a page frame, and the order of it. Null where none does. */
export function preservedBit(walk: Walk, pfn: number): { spot: Spot; order: number } | null {
  const find = isRadix(walk) ? radixBit(walk) : listBit(walk);
  for (let order = 0; order <= MOST_ORDER && pfn % 2 ** order === 0; order++) {
    const spot = find(pfn, order);
    if (spot === null) continue;
    const byte = littleEndian(walk.memory.bytes(spot.phys, 1, 'the map'));
    if ((byte >> BigInt(spot.bits?.shift ?? 0)) & 1n) return { spot, order };
  }
  return null;
}
