// SPDX-License-Identifier: Apache-2.0
// Counts which lines, branches and basic blocks of a kernel's code ran.
import type { AddressRange, CodeAddress, RanBlock } from '../../model/result/coverage.js';
import { contains } from '../log/coverage-log.js';
import type { KernelCode } from './kernel-code.js';
import { functionAt, type SourceFile } from './source-files.js';

export interface Share {
  hit: number;
  total: number;
}

export interface FunctionTally {
  name: string;
  /** Where it is defined; null without debug information. */
  line: number | null;
  lines: Share;
  /** Each conditional jump counts twice: once for each way. */
  branches: Share;
  blocks: Share;
}

export interface FileTally {
  path: string;
  functions: FunctionTally[];
  lines: Share;
  branches: Share;
  blocks: Share;
}

export interface BranchTally {
  at: CodeAddress;
  line: number;
  /** It ran at all. */
  ran: boolean;
  taken: boolean;
  passed: boolean;
}

/** What ran in one kernel, ready for questions. */
export class RanCode {
  private readonly ranges: AddressRange[] = [];
  private readonly starts: ReadonlySet<CodeAddress>;

  constructor(blocks: Iterable<RanBlock>) {
    const sorted = [...blocks].sort((a, b) => a[0] - b[0]);
    this.starts = new Set(sorted.map(([start]) => start));
    for (const [start, size] of sorted) {
      const last = this.ranges.at(-1);
      if (last !== undefined && start <= last.end) last.end = Math.max(last.end, start + size);
      else this.ranges.push({ start, end: start + size });
    }
  }

  get isEmpty(): boolean {
    return this.ranges.length === 0;
  }

  has(address: CodeAddress): boolean {
    return contains(this.ranges, address);
  }

  /** Whether a block begins here: something came here by a jump, or from a jump that was not taken. */
  begins(address: CodeAddress): boolean {
    return this.starts.has(address);
  }

  /** Whether any of it ran. */
  touches(start: CodeAddress, end: CodeAddress): boolean {
    return this.has(start) || this.ranges.some((range) => range.start >= start && range.start < end);
  }
}

/** Lines of a file that have code, and whether it ran. */
export function linesOf(file: SourceFile, ran: RanCode): Map<number, boolean> {
  const lines = new Map<number, boolean>();
  for (const [line, start, end] of file.ranges) lines.set(line, lines.get(line) === true || ran.touches(start, end));
  return new Map([...lines].sort(([a], [b]) => a - b));
}

/** Finds the source of an address: the line of its own file, or of the code around something from a header. */
export class SourceOf {
  private readonly rows: { start: CodeAddress; line: number; file: SourceFile }[];

  constructor(private readonly code: KernelCode) {
    this.rows = (code.files ?? [])
      .flatMap((file) => file.ranges.map(([line, start]) => ({ start, line, file })))
      .sort((a, b) => a.start - b.start);
  }

  at(address: CodeAddress): { path: string; line: number | null; function: string } | null {
    const owner = this.code.functions.findLast(({ start, end }) => start <= address && address < end);
    if (owner === undefined) return null;
    const plain = { path: owner.file, line: null, function: owner.name };
    if (this.code.files === null) return plain;
    let [low, high] = [0, this.rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.rows[middle]?.start ?? 0) <= address) low = middle + 1;
      else high = middle;
    }
    const row = this.rows[low - 1];
    if (row === undefined || row.start < owner.start) return null;
    return { path: row.file.path, line: row.line, function: functionAt(row.file, row.line) ?? owner.name };
  }
}

const none = (): Share => ({ hit: 0, total: 0 });

function count(share: Share, of: 'hit' | 'missed'): void {
  share.total++;
  if (of === 'hit') share.hit++;
}

const kind = (hit: boolean) => (hit ? 'hit' : 'missed');

/** The branches of each file, by path, in the order of addresses. */
export function branchesOf(code: KernelCode, ran: RanCode): Map<string, BranchTally[]> {
  const source = new SourceOf(code);
  const found = new Map<string, BranchTally[]>();
  for (const [at, target, next] of code.branches) {
    const where = source.at(at);
    if (where === null) continue;
    const hit = ran.has(at);
    const branch = {
      at,
      line: where.line ?? 0,
      ran: hit,
      taken: hit && ran.begins(target),
      passed: hit && ran.begins(next),
    };
    const known = found.get(where.path);
    if (known === undefined) found.set(where.path, [branch]);
    else known.push(branch);
  }
  return found;
}

/** All files of a kernel, by path. */
export function tally(code: KernelCode, ran: RanCode): FileTally[] {
  const source = new SourceOf(code);
  const files = new Map<string, Map<string, FunctionTally>>();
  const of = (path: string, name: string, line: number | null): FunctionTally => {
    let functions = files.get(path);
    if (functions === undefined) files.set(path, (functions = new Map()));
    let known = functions.get(name);
    if (known === undefined)
      functions.set(name, (known = { name, line, lines: none(), branches: none(), blocks: none() }));
    return known;
  };
  for (const file of code.files ?? []) {
    const starts = new Map(file.functions.map(({ name, line }) => [name, line]));
    for (const [line, hit] of linesOf(file, ran)) {
      const name = functionAt(file, line) ?? '?';
      count(of(file.path, name, starts.get(name) ?? null).lines, kind(hit));
    }
  }
  for (const start of code.blocks) {
    const where = source.at(start);
    if (where !== null) count(of(where.path, where.function, null).blocks, kind(ran.has(start)));
  }
  for (const [at, target, next] of code.branches) {
    const where = source.at(at);
    if (where === null) continue;
    const { branches } = of(where.path, where.function, null);
    for (const way of [target, next]) count(branches, kind(ran.has(at) && ran.begins(way)));
  }
  return [...files]
    .map(([path, functions]) => fileTally(path, [...functions.values()]))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function fileTally(path: string, functions: FunctionTally[]): FileTally {
  const sum = (key: 'lines' | 'branches' | 'blocks') => total(functions.map((each) => each[key]));
  const inOrder = functions.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  return { path, functions: inOrder, lines: sum('lines'), branches: sum('branches'), blocks: sum('blocks') };
}

export function total(shares: readonly Share[]): Share {
  return shares.reduce((sum, { hit, total: all }) => ({ hit: sum.hit + hit, total: sum.total + all }), none());
}
