// SPDX-License-Identifier: Apache-2.0
// The map of preserved memory. Since 7.1 it is a radix tree whose keys contain page frame and order
// (include/linux/kho/abi/kexec_handover.h, kho_encode_radix_key()). Up to 6.19 it is a list of chunks, each with
// bitmaps of one order (kernel/liveupdate/kexec_handover.c).
import { Instance } from '../memory/layouts.js';
import { HandoverError, littleEndian, PAGE } from '../memory/memory.js';
import { mapAddress } from './kho.js';
import type { Walk } from '../memory/source.js';
import { numberLocation, type FieldLocation } from '../memory/field-location.js';

/** KHO_RADIX_KEY_WIDTH: a page frame number of 64 - 12 bits, and one bit for the order. */
export const KEY_WIDTH = 53;
const MAX_ORDER = 20;
/** Chunks, or bitmaps of at least 128 MiB each: more than any machine needs. A longer list is invalid. */
const MAX_CHUNKS = 65_536;

/** Locates the bit of the area of 2^order pages at a page frame; null if the map has no entry that covers it. */
type FindBit = (pfn: number, order: number) => FieldLocation | null;

export function isRadix({ layouts }: Walk): boolean {
  return layouts.has('kho_radix_node');
}

export function mapLocation(walk: Walk, field: 'root' | 'leaf'): FieldLocation {
  const top = mapAddress(walk);
  if (!isRadix(walk)) {
    const chunk = new Instance(walk.memory, walk.layouts, 'khoser_mem_chunk', top);
    if (field === 'root') return chunk.locate('bitmaps[].bitmap.phys');
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
  if (size > 2 ** 20 || size % 8 !== 0)
    throw new HandoverError(`struct ${name} of ${size} bytes cannot be part of a map`);
  return size;
}

function follow({ memory }: Walk, phys: number): number {
  return memory.address(memory.number(phys, 8, 'the map'), PAGE, 'an entry of the map');
}

/** The first 64-bit word that is not 0. */
function firstWord({ memory }: Walk, phys: number, size: number, what: string): FieldLocation {
  const bytes = memory.bytes(phys, size, what);
  for (let at = 0; at < size; at += 8)
    if (bytes.subarray(at, at + 8).some((byte) => byte !== 0)) return numberLocation(phys + at, 8, phys);
  throw new HandoverError(`${what} at 0x${phys.toString(16)} is empty`);
}

/** Levels, including the level of the bitmaps (KHO_TREE_MAX_DEPTH). */
export function depthOf(walk: Walk): number {
  return Math.ceil((KEY_WIDTH - leafBits(walk)) / nodeBits(walk)) + 1;
}

export function nodeBits(walk: Walk): number {
  return Math.log2(bytesOf(walk, 'kho_radix_node') / 8);
}

export function leafBits(walk: Walk): number {
  return Math.log2(bytesOf(walk, 'kho_radix_leaf') * 8);
}

function bitLocation(holder: number, bit: number): FieldLocation {
  return { ...numberLocation(holder + Math.floor(bit / 8), 1, holder), bits: { shift: bit % 8, width: 1 } };
}

function radixBit(walk: Walk): FindBit {
  const top = mapAddress(walk);
  const depth = depthOf(walk);
  const inNode = nodeBits(walk);
  const inLeaf = leafBits(walk);
  if (!Number.isInteger(inNode) || !Number.isInteger(inLeaf) || inNode < 1)
    throw new HandoverError("this kernel's map has an unknown format");
  return (pfn, order) => {
    const key = (1n << BigInt(KEY_WIDTH - 1 - order)) | (BigInt(pfn) >> BigInt(order));
    let node = top;
    for (let level = depth - 1; level > 0; level--) {
      const index = Number((key >> BigInt((level - 1) * inNode + inLeaf)) & ((1n << BigInt(inNode)) - 1n));
      const entry = walk.memory.number(node + index * 8, 8, 'the map');
      if (entry === 0n) return null;
      node = walk.memory.address(entry, PAGE, 'an entry of the map');
    }
    return bitLocation(node, Number(key & ((1n << BigInt(inLeaf)) - 1n)));
  };
}

export interface Bitmap {
  order: number;
  /** Physical addresses of the first area in it, and of the bitmap itself. */
  start: bigint;
  bitmap: number;
}

/** The bitmaps of a map that is a list (up to 6.19). */
export function listedBitmaps(walk: Walk): Bitmap[] {
  const pointer = walk.layouts.size('khoser_mem_bitmap_ptr');
  const bitmaps: Bitmap[] = [];
  const seen = new Set<number>();
  for (let at = mapAddress(walk); ;) {
    if (seen.has(at) || seen.size + bitmaps.length >= MAX_CHUNKS)
      throw new HandoverError('the list of the map does not end');
    seen.add(at);
    const chunk = new Instance(walk.memory, walk.layouts, 'khoser_mem_chunk', at);
    const elements = chunk.number('hdr.num_elms');
    const { offset, size } = chunk.field('bitmaps');
    if (elements > BigInt(Math.floor(size / pointer)))
      throw new HandoverError(`a chunk of the map claims to hold ${elements} bitmaps`);
    for (let i = 0; i < Number(elements); i++) {
      const element = new Instance(walk.memory, walk.layouts, 'khoser_mem_bitmap_ptr', at + offset + i * pointer);
      bitmaps.push({
        order: Number(chunk.number('hdr.order')),
        start: element.number('phys_start'),
        bitmap: element.address('bitmap.phys', PAGE),
      });
    }
    const next = chunk.number('hdr.next.phys');
    if (next === 0n) return bitmaps;
    at = walk.memory.address(next, PAGE, 'the next chunk of the map');
  }
}

function listBit(walk: Walk): FindBit {
  const bitmapBits = BigInt(bytesOf(walk, 'kho_mem_phys_bits') * 8);
  const bitmaps = listedBitmaps(walk);
  return (pfn, order) => {
    const phys = BigInt(pfn) * BigInt(PAGE);
    const unit = BigInt(PAGE) << BigInt(order);
    const element = bitmaps.find(
      (each) => each.order === order && phys >= each.start && (phys - each.start) / unit < bitmapBits,
    );
    if (element === undefined) return null;
    return bitLocation(element.bitmap, Number((phys - element.start) / unit));
  };
}

/** The bit that preserves the area at a page frame, and the area's order. Null if no area starts there. */
export function preservedBit(walk: Walk, pfn: number): { location: FieldLocation; order: number } | null {
  const find = isRadix(walk) ? radixBit(walk) : listBit(walk);
  for (let order = 0; order <= MAX_ORDER && pfn % 2 ** order === 0; order++) {
    const location = find(pfn, order);
    if (location === null) continue;
    const byte = littleEndian(walk.memory.bytes(location.phys, 1, 'the map'));
    if ((byte >> BigInt(location.bits?.shift ?? 0)) & 1n) return { location, order };
  }
  return null;
}
