// SPDX-License-Identifier: Apache-2.0
// Delta debugging (Zeller, Hildebrandt 2002) with several trials at once: reduces a list until it still fails, but not
// without any single element.

/** Tries candidates in order, several at once. Returns the index of one that still fails, or null. */
export type First<T> = (candidates: readonly (readonly T[])[]) => Promise<number | null>;

export async function ddmin<T>(all: readonly T[], first: First<T>, min = 0): Promise<T[]> {
  let items = [...all];
  if (items.length <= min) return items;
  // Most lists are not needed at all.
  if (min === 0 && (await first([[]])) !== null) return [];
  for (let parts = 2; items.length > 1;) {
    const chunks = split(items, Math.min(parts, items.length));
    const candidates = (
      chunks.length > 2 ? [...chunks, ...chunks.map((chunk) => items.filter((item) => !chunk.includes(item)))] : chunks
    ).filter((candidate) => candidate.length >= Math.max(min, 1));
    const found = await first(candidates);
    if (found !== null) {
      const kept = candidates[found] as T[];
      parts = kept.length > Math.ceil(items.length / 2) ? Math.max(parts - 1, 2) : 2;
      items = kept;
    } else if (chunks.length >= items.length) break;
    else parts = Math.min(items.length, parts * 2);
  }
  return items;
}

function split<T>(items: readonly T[], parts: number): T[][] {
  return Array.from({ length: parts }, (_, n) =>
    items.slice(Math.floor((n * items.length) / parts), Math.floor(((n + 1) * items.length) / parts)),
  );
}
