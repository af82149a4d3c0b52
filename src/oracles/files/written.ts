// SPDX-License-Identifier: Apache-2.0
// What a file holds once it was written to, cut or grown after it was filled.
import type { PageRange, WrittenPages } from '../../model/scenario/scenario.js';
import { type Content, PAGE, Pattern } from './pattern.js';

export interface ChangedContent extends Content {
  /** In the order of the writes: the last one that has a page wins. */
  written?: readonly WrittenPages[];
}

/** The pattern of a file, with what was written over it. */
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

/** The range without the pages from `first` to `end`. */
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

/** Pages [first, first + count) hold the pattern of another seed; the file grows where they lie behind its end. */
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

/** Pages that read as zeros from now on. The size stays. */
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

/** What is cut off is gone; what is added is a hole, and the rest of the page that was the last is zero. */
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
