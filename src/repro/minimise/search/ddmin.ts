// SPDX-License-Identifier: Apache-2.0
// Delta debugging (Zeller, Hildebrandt 2002): leaves out ever smaller parts of a list while it still fails. Candidates
// are given in order, the smallest first, so that several can be tried at once.
//
// If 51 equal entries are needed, proving it for each of them takes more trials than all the rest. Many entries of
// one shape count as a number once neither a half of the list nor the first, the middle or the last of them can be left
// out: few entries that are needed for themselves would have to be exactly these.

/** Tries lists in order. Returns the index of the first that still fails, or null. */
export type First<T> = (candidates: readonly (readonly T[])[]) => Promise<number | null>;

export interface DdminOptions<T> {
  /** The list keeps at least this many. */
  min?: number;
  /** Entries of one shape are copies of each other; null for an entry of its own. */
  shapeOf?: (item: T) => string | null;
}

/** More copies than this may count as a number. */
const MAX_FEW = 8;

export async function ddmin<T>(
  all: readonly T[],
  first: First<T>,
  { min = 0, shapeOf = () => null }: DdminOptions<T> = {},
): Promise<T[]> {
  let items = [...all];
  /** Those that may still be left out. */
  let free = items;
  /** Shapes of which single copies were tried once. They are tried again when the parts are small. */
  const sampled = new Set<string | null>();
  const leaveOut = async (parts: readonly (readonly T[])[]): Promise<boolean> => {
    const usable = parts.filter((part) => part.length > 0 && items.length - part.length >= min);
    if (usable.length === 0) return false;
    const found = await first(usable.map((part) => without(items, part)));
    if (found === null) return false;
    const gone = usable[found] as readonly T[];
    items = without(items, gone);
    free = without(free, gone);
    return true;
  };
  for (let parts = 2; free.length > 0;) {
    const chunks = split(free, parts);
    // Most lists are not needed at all.
    if (await leaveOut(parts === 2 && chunks.length > 1 ? [free, ...chunks] : chunks)) {
      parts = Math.max(2, Math.min(parts, free.length) - 1);
      continue;
    }
    if (chunks.length >= free.length) break;
    const copies = manyCopies(free, shapeOf).find(({ shape }) => parts >= MAX_FEW || !sampled.has(shape));
    if (copies !== undefined) {
      sampled.add(copies.shape);
      if (!(await leaveOut(samplesOf(copies.items)))) free = without(free, copies.items);
      continue;
    }
    parts *= 2;
  }
  return items;
}

/** Groups of one shape that are too large to try each entry. */
function manyCopies<T>(
  items: readonly T[],
  shapeOf: (item: T) => string | null,
): { shape: string | null; items: T[] }[] {
  return [...Map.groupBy(items, shapeOf)]
    .filter(([shape, group]) => shape !== null && group.length > MAX_FEW)
    .map(([shape, group]) => ({ shape, items: group }));
}

function samplesOf<T>(copies: readonly T[]): T[][] {
  return [0, copies.length >> 1, copies.length - 1].map((index) => copies.slice(index, index + 1));
}

function without<T>(items: readonly T[], gone: readonly T[]): T[] {
  const set = new Set(gone);
  return items.filter((item) => !set.has(item));
}

function split<T>(items: readonly T[], wanted: number): T[][] {
  const parts = Math.min(wanted, items.length);
  return Array.from({ length: parts }, (_, n) =>
    items.slice(Math.floor((n * items.length) / parts), Math.floor(((n + 1) * items.length) / parts)),
  );
}

/** Copies differ in their numbers only. */
export function shapeOf(value: unknown): string {
  return (JSON.stringify(value) ?? '').replace(/\d+/g, '#');
}
