// SPDX-License-Identifier: Apache-2.0
// Lists of entries, in LUO's two formats: a chain of blocks with a header each (since 7.2,
// kernel/liveupdate/kho_block.c) and a single array whose length is stored elsewhere (6.19 to 7.1).
import { Instance } from '../memory/layouts.js';
import { HandoverError, PAGE } from '../memory/memory.js';
import type { Walk } from '../memory/source.js';

/** KHO_MAX_BLOCKS. */
const MAX_BLOCKS = 10_000;
/** LUO_SESSION_PGCNT and LUO_FILE_PGCNT are 16 and 4 pages (7.1); no array is larger. */
const MAX_ARRAY = 64 * PAGE;
const HEADER = 'kho_block_header_ser';

export function isChained({ layouts }: Walk): boolean {
  return layouts.has(HEADER);
}

/** The header of a block. */
export function blockHeader(walk: Walk, pa: bigint, what: string): Instance {
  if (!isChained(walk)) throw new HandoverError(`${what} of this kernel are a single array, which has no block header`);
  return new Instance(walk.memory, walk.layouts, HEADER, walk.memory.address(pa, PAGE, `the first block of ${what}`));
}

/** Entries of a chain in order. Throws HandoverError if a block is invalid or the chain does not end. */
export function* chained(walk: Walk, pa: bigint, entry: string, what: string): Generator<Instance> {
  const size = walk.layouts.size(entry);
  const first = walk.layouts.size(HEADER);
  const seen = new Set<number>();
  for (let next = pa; next !== 0n;) {
    const header = blockHeader(walk, next, what);
    if (seen.has(header.phys) || seen.size >= MAX_BLOCKS) throw new HandoverError(`the blocks of ${what} do not end`);
    seen.add(header.phys);
    const count = header.number('count');
    if (count > BigInt(Math.floor((PAGE - first) / size)))
      throw new HandoverError(`a block of ${what} claims to hold ${count} entries`);
    for (let i = 0; i < Number(count); i++)
      yield new Instance(walk.memory, walk.layouts, entry, header.phys + first + i * size);
    next = header.number('next');
  }
}

/** Entries of an array in order. */
export function* inArray(walk: Walk, phys: number, count: bigint, entry: string, what: string): Generator<Instance> {
  const size = walk.layouts.size(entry);
  if (count > BigInt(Math.floor(MAX_ARRAY / size)))
    throw new HandoverError(`the array of ${what} claims to hold ${count} entries`);
  for (let i = 0; i < Number(count); i++) yield new Instance(walk.memory, walk.layouts, entry, phys + i * size);
}
