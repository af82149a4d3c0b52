// SPDX-License-Identifier: Apache-2.0
// The state of one walk: what was read, what was wrong, and when it is enough. Every table is read once, so that every
// walk ends.
import { hex, PAGE, type ReadPhys } from '../../../handover/memory/memory.js';
import {
  MOST_PROBLEMS,
  MOST_TABLES,
  type TableKind,
  type TablePage,
  type TableProblem,
  type TableProblemKind,
  type WalkOptions,
} from './types.js';

/** A page of 512 entries as 1024 words; entry i is words 2i (low) and 2i + 1 (high). */
export type Words = Uint32Array;

export class Walk {
  readonly tables: TablePage[] = [];
  readonly problems: TableProblem[] = [];
  problemCount = 0;
  complete = true;
  private readonly visited = new Set<number>();
  private readonly most: number;
  private full = false;

  constructor(
    private readonly read: ReadPhys,
    options: WalkOptions,
  ) {
    this.most = options.maxTables ?? MOST_TABLES;
  }

  /** Notes what is wrong. @param at physical address of the entry */
  problem(kind: TableProblemKind, at: number | null, detail: string): void {
    this.problemCount++;
    if (this.problems.length < MOST_PROBLEMS) this.problems.push({ kind, at, detail });
    if (kind !== 'not-present' && kind !== 'target-outside-ram') this.complete = false;
  }

  /** Whether a table may still be read; says once where not. */
  get exhausted(): boolean {
    return this.full;
  }

  /** Notes, once, that there is more than the walk may take. */
  stop(detail: string): void {
    if (!this.full) this.problem('bound', null, detail);
    this.full = true;
  }

  /**
   * Reads the page at `phys` into `words`. False, with a problem, where it is not RAM, was read before, or is one too
   * many.
   * @param from address of the entry that leads there
   */
  table(phys: number, kind: TableKind, level: number, from: number | null, words: Words): boolean {
    if (this.full) return false;
    if (this.visited.has(phys)) {
      this.problem('shared', from, `${name(kind, level)} at ${hex(phys)} was reached before`);
      return false;
    }
    if (this.tables.length >= this.most) {
      this.stop(`more than ${this.most} pages of tables`);
      return false;
    }
    if (!this.read(phys, new Uint8Array(words.buffer, words.byteOffset, PAGE))) {
      this.problem('outside-ram', from, `${name(kind, level)} at ${hex(phys)}: no RAM there`);
      return false;
    }
    this.visited.add(phys);
    this.tables.push({ phys, kind, level });
    return true;
  }
}

export function name(kind: TableKind, level: number): string {
  return level > 0 ? `${kind} table of level ${level}` : `${kind} table`;
}

export function newWords(): Words {
  return new Uint32Array(PAGE / 4);
}

/** The address in bits 51:12 of an entry. */
export function addressOf(lo: number, hi: number): number {
  return (hi & 0xfffff) * 2 ** 32 + ((lo & 0xfffff000) >>> 0);
}

/** Bits of the high word above a physical address of `bits` bits, up to bit 51. */
export function aboveWidth(bits: number): number {
  return bits >= 52 ? 0 : (0xfffff & ~(2 ** Math.max(0, bits - 32) - 1)) >>> 0;
}

export function entryHex(lo: number, hi: number): string {
  return hex((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0));
}
