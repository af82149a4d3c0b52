// SPDX-License-Identifier: Apache-2.0
// The state of one walk: tables read so far, problems and limits. Each table is read only once, so every walk ends.
import { hex, PAGE, type ReadPhys } from '../../../handover/memory/memory.js';
import {
  MAX_PROBLEMS,
  MAX_TABLES,
  type TableKind,
  type TablePage,
  type TableProblem,
  type TableProblemKind,
  type WalkOptions,
} from './types.js';

/** A page of 512 entries as 1024 words. Entry i is words 2i (low) and 2i + 1 (high). */
export type Words = Uint32Array;

export class Walk {
  readonly tables: TablePage[] = [];
  readonly problems: TableProblem[] = [];
  problemCount = 0;
  complete = true;
  private readonly visited = new Set<number>();
  private readonly max: number;
  private full = false;

  constructor(
    private readonly read: ReadPhys,
    options: WalkOptions,
  ) {
    this.max = options.maxTables ?? MAX_TABLES;
  }

  /**
   * Records a problem.
   * @param at physical address of the entry
   */
  problem(kind: TableProblemKind, at: number | null, detail: string): void {
    this.problemCount++;
    if (this.problems.length < MAX_PROBLEMS) this.problems.push({ kind, at, detail });
    if (kind !== 'not-present' && kind !== 'target-outside-ram') this.complete = false;
  }

  /** True if no more tables may be read. */
  get exhausted(): boolean {
    return this.full;
  }

  /** Records, once, that the walk reached a limit. */
  stop(detail: string): void {
    if (!this.full) this.problem('bound', null, detail);
    this.full = true;
  }

  /**
   * Reads the page at `phys` into `words`. Returns false and records a problem if it is not RAM, was read before, or
   * exceeds the limit.
   * @param from address of the entry that leads there
   */
  table(phys: number, kind: TableKind, level: number, from: number | null, words: Words): boolean {
    if (this.full) return false;
    if (this.visited.has(phys)) {
      this.problem('shared', from, `${name(kind, level)} at ${hex(phys)} was reached before`);
      return false;
    }
    if (this.tables.length >= this.max) {
      this.stop(`more than ${this.max} pages of tables`);
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

/** Returns the address in bits 51:12 of an entry. */
export function addressOf(lo: number, hi: number): number {
  return (hi & 0xfffff) * 2 ** 32 + ((lo & 0xfffff000) >>> 0);
}

/** Returns the bits of the high word above a physical address of `bits` bits, up to bit 51. */
export function aboveWidth(bits: number): number {
  return bits >= 52 ? 0 : (0xfffff & ~(2 ** Math.max(0, bits - 32) - 1)) >>> 0;
}

export function entryHex(lo: number, hi: number): string {
  return hex((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0));
}
