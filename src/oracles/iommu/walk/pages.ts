// SPDX-License-Identifier: Apache-2.0
// Walks page tables with 512 entries of 8 bytes per page, in any entry format.
import { RunList } from './runs.js';
import type { TableKind } from './types.js';
import { addressOf, entryHex, name, newWords, type Walk, type Words } from './walk.js';

export const ABSENT = 0;
export const TABLE = 1;
export const LEAF = 2;
export const RESERVED = 3;
export const UNSUPPORTED = 4;
export type EntryType = typeof ABSENT | typeof TABLE | typeof LEAF | typeof RESERVED | typeof UNSUPPORTED;

/**
 * How to read the entries of one kind of page table. `lo` and `hi` are the words of the entry, signed or not; a table
 * of `level` 1 maps 4 KiB pages.
 */
export interface PageFormat {
  kind: TableKind;
  type(lo: number, hi: number, level: number): EntryType;
  /** READ, WRITE, EXECUTE that this entry grants. A mapping has the rights that all entries on its path grant. */
  rights(lo: number, hi: number): number;
  /** Level of the table that the entry leads to. */
  next(lo: number, level: number): number;
  /**
   * Page frame behind the first page of a leaf.
   * @param page IOVA page number of the leaf's slot
   */
  frame(lo: number, hi: number, level: number, page: number): number;
  /** Addresses of the upper half are sign-extended. */
  canonical: boolean;
}

const HIGHEST = 6;
/** Number of pages in an IOVA space of 64 bits. */
const ALL_PAGES = 2 ** 52;

export class PageWalk {
  private readonly pool: Words[] = Array.from({ length: HIGHEST + 1 }, newWords);
  /** Tables from the root to the current one, by level. */
  private readonly path: number[] = Array.from({ length: HIGHEST + 1 }, () => -1);
  private upperHalf = ALL_PAGES;
  private extension = 0;

  constructor(
    private readonly walk: Walk,
    private readonly format: PageFormat,
    private readonly runs: RunList,
  ) {}

  /**
   * Walks a whole table of `levels` levels, 1 to 6.
   * @param from address of the entry that leads to it
   * @param rights the rights that the entries above grant
   */
  from(root: number, levels: number, from: number, rights: number): void {
    if (this.format.canonical) {
      this.upperHalf = 512 ** levels / 2;
      this.extension = ALL_PAGES - 512 ** levels;
    }
    this.table(root, levels, 0, from, rights);
  }

  private table(phys: number, level: number, firstPage: number, from: number, rights: number): void {
    const words = this.pool[level] as Words;
    if (this.path.includes(phys))
      return this.walk.problem(
        'loop',
        from,
        `${name(this.format.kind, level)} at 0x${phys.toString(16)} is above itself`,
      );
    if (!this.walk.table(phys, this.format.kind, level, from, words)) return;
    this.path[level] = phys;
    const slot = 512 ** (level - 1);
    // The sixth level covers only bits 63:57 of the address.
    const count = level === HIGHEST ? 128 : 512;
    for (let i = 0; i < count; i++) {
      const lo = words[2 * i] as number;
      const hi = words[2 * i + 1] as number;
      if (lo !== 0 || hi !== 0) this.entry(lo, hi, level, firstPage + i * slot, phys + i * 8, rights);
    }
    this.path[level] = -1;
  }

  private entry(lo: number, hi: number, level: number, page: number, at: number, above: number): void {
    const { format } = this;
    const type = format.type(lo, hi, level);
    if (type === ABSENT) return;
    if (type === RESERVED)
      return this.walk.problem(
        'reserved-bits',
        at,
        `${name(format.kind, level)}: entry ${entryHex(lo, hi)} has reserved bits set`,
      );
    if (type === UNSUPPORTED)
      return this.walk.problem(
        'unsupported',
        at,
        `${name(format.kind, level)}: entry ${entryHex(lo, hi)} has a level or a size that does not exist`,
      );
    if (this.walk.exhausted) return;
    const rights = above & format.rights(lo, hi);
    if (type === TABLE) return this.table(addressOf(lo, hi), format.next(lo, level), page, at, rights);
    if (rights === 0) return;
    const added = this.runs.add(
      page < this.upperHalf ? page : page + this.extension,
      format.frame(lo, hi, level, page),
      512 ** (level - 1),
      rights,
    );
    if (!added) this.walk.stop('more runs of mappings than are kept');
  }
}
