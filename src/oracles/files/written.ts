// SPDX-License-Identifier: Apache-2.0
// The content of a file that was written to, truncated or extended after it was filled.
import type { PageRange, WrittenPages } from '../../model/scenario/scenario.js';
import { type Content, PAGE, Pattern } from './pattern.js';

export interface ChangedContent extends Content {
  /** In the order of the writes: the last one that covers a page wins. */
  written?: readonly WrittenPages[];
}

/** Returns the pattern of a file, including what was written over it. */
export function patternOf(content: ChangedContent): Pattern {
  return content.written === undefined || content.written.length === 0
    ? new Pattern(content)
    : new WrittenPattern(content, content.written);
}

class WrittenPattern extends Pattern {
  private readonly layers: { first: number; end: number; pattern: Pattern }[];

  constructor(content: Content, written: readonly WrittenPages[]) {
    super(content);
    this.layers = written
      .map(({ first, count, seed, size }) => ({
        first,
        end: first + count,
        pattern: new Pattern({ size: Math.min(size, content.size), seed, holes: [] }),
      }))
      .toReversed();
  }

  private layerOf(page: number): Pattern | null {
    return this.layers.find(({ first, end }) => page >= first && page < end)?.pattern ?? null;
  }

  override compare(page: number, words: Uint32Array, at: number): number {
    return this.layerOf(page)?.compare(page, words, at) ?? super.compare(page, words, at);
  }

  override page(page: number): Uint8Array {
    return this.layerOf(page)?.page(page) ?? super.page(page);
  }
}

const pagesOf = (size: number) => Math.ceil(size / PAGE);

/** Cuts the pages from `first` to `end` out of a range. */
function without(range: PageRange, first: number, end: number): PageRange[] {
  const stop = range.first + range.count;
  if (range.first >= end || stop <= first) return [range];
  return [
    ...(range.first < first ? [{ ...range, count: first - range.first }] : []),
    ...(stop > end ? [{ ...range, first: end, count: stop - end }] : []),
  ];
}

function changed<T extends ChangedContent>(
  content: T,
  size: number,
  holes: readonly PageRange[],
  written: readonly WrittenPages[],
): T {
  return {
    ...content,
    size,
    holes: [...holes],
    ...(written.length > 0 || content.written !== undefined ? { written: [...written] } : {}),
  };
}

/** Fills pages [first, first + count) with the pattern of another seed. The file grows if they lie behind its end. */
export function writeTo<T extends ChangedContent>(content: T, { first, count }: PageRange, seed: number): T {
  if (count === 0) return content;
  const end = first + count;
  const grown = end > pagesOf(content.size) ? resize(content, end * PAGE) : content;
  return changed(
    grown,
    grown.size,
    grown.holes.flatMap((hole) => without(hole, first, end)),
    [
      ...(grown.written ?? []).filter((each) => each.first < first || each.first + each.count > end),
      { first, count, seed, size: grown.size },
    ],
  );
}

/** Makes pages read as zeros. The size stays the same. */
export function punch<T extends ChangedContent>(content: T, { first, count }: PageRange): T {
  const end = Math.min(first + count, pagesOf(content.size));
  if (end <= first) return content;
  const written = (content.written ?? []).flatMap((each) =>
    without(each, first, end).map((part) => ({ ...each, ...part })),
  );
  return changed(
    content,
    content.size,
    [...content.holes.flatMap((hole) => without(hole, first, end)), { first, count: end - first }],
    written,
  );
}

/** Changes the size. New pages are a hole; the rest of the old last page reads as zeros. */
export function resize<T extends ChangedContent>(content: T, size: number): T {
  const [before, after] = [pagesOf(content.size), pagesOf(size)];
  if (size <= content.size) {
    const inside = <R extends PageRange>(ranges: readonly R[]) =>
      ranges.flatMap((range) => without(range, after, Infinity).map((part) => ({ ...range, ...part })));
    return changed(content, size, inside(content.holes), inside(content.written ?? []));
  }
  const last = before - 1;
  const full =
    content.size % PAGE === 0 || content.holes.some((hole) => last >= hole.first && last < hole.first + hole.count);
  const top = content.written?.findLast(({ first, count }) => last >= first && last < first + count);
  return changed(
    content,
    size,
    after > before ? [...content.holes, { first: before, count: after - before }] : content.holes,
    full
      ? (content.written ?? [])
      : [
          ...(content.written ?? []),
          {
            first: last,
            count: 1,
            seed: top?.seed ?? content.seed,
            size: Math.min(top?.size ?? content.size, content.size),
          },
        ],
  );
}
