// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { goneOf, inspectPageCache, type CachedFile, type StructOf } from '../../../src/oracles/pages/page-cache.js';
import { atOnce } from '../../../src/util/loop/turns.js';

const [UPTODATE, DIRTY, HEAD, SWAPBACKED] = [8, 16, 64, 1 << 17];
const GOOD = UPTODATE | DIRTY | SWAPBACKED;
const FIRST = 512;

type Change = (words: Uint32Array) => void;

function single(index: number, change: Change = () => undefined): Uint32Array {
  const words = new Uint32Array(16);
  words[0] = GOOD;
  words.set([0x1040, 0xffff_8880, index], 6);
  words.set([0xffff_ffff, 1], 12);
  change(words);
  return words;
}

/** Builds a folio of 2^order pages whose tails lead to the head by its address (6.19) or by a mask (7.3). */
function folio(order: number, index: number, tail: [number, number], change: Change = () => undefined): Uint32Array[] {
  return Array.from({ length: 2 ** order }, (_, i) => {
    if (i === 0) {
      return single(index, (words) => {
        words[0] = GOOD | HEAD;
        words[13] = 2 ** order;
        change(words);
      });
    }
    const words = new Uint32Array(16);
    if (i === 1) words.set([order, 0, 0, 0, 0xffff_ffff], 0);
    words.set(tail, 2);
    words[12] = 0xffff_ffff;
    return words;
  });
}

function look(structs: readonly Uint32Array[], more: Partial<CachedFile> = {}) {
  const structOf: StructOf = (pfn) => {
    const words = structs[pfn - FIRST];
    return words === undefined ? null : { words, at: 0 };
  };
  return atOnce(
    inspectPageCache(structOf, {
      runs: [{ page: 0, pfn: FIRST, count: structs.length }],
      orders: new Map(),
      isHole: () => false,
      alone: true,
      ...more,
    }),
  );
}

const three = (change: Change) => [single(0), single(1, change), single(2)];

describe('pages of a file', () => {
  it('that are in order have no problem', () =>
    expect(look([single(0), single(1), single(2)])).toEqual({ pages: 3, familiar: 3, problems: [] }));

  it.each([
    ['address', [0xea00_8001, 0xffff_ea00]],
    ['mask', [0xffff_8001, 0xffff_ffff]],
  ] as const)('in a large folio whose tails have the %s of its head', (_, tail) =>
    expect(look(folio(9, 0, [...tail]), { orders: new Map([[FIRST, 9]]) })).toEqual({
      pages: 512,
      familiar: 512,
      problems: [],
    }),
  );

  it.each<[string, Change, 'corrupt' | 'leak', RegExp]>([
    ['free', (words) => (words[13] = 0), 'corrupt', /^free although/],
    ["in nobody's cache", (words) => words.set([0, 0], 6), 'corrupt', /^in other hands/],
    ['anonymous', (words) => (words[6] = 0x1041), 'corrupt', /^in other hands/],
    ['at another index', (words) => (words[8] = 7), 'corrupt', /^at another place/],
    ['far behind the end', (words) => (words[9] = 1), 'corrupt', /^at another place/],
    ['of another file', (words) => (words[6] = 0x2040), 'corrupt', /another file$/],
    ['clean', (words) => (words[0] = GOOD & ~DIRTY), 'corrupt', /^clean/],
    ['not up to date', (words) => (words[0] = GOOD & ~UPTODATE), 'corrupt', /^not up to date/],
    ['not backed by swap', (words) => (words[0] = GOOD & ~SWAPBACKED), 'corrupt', /^not marked/],
    ['with a reference too many', (words) => (words[13] = 2), 'leak', /^never free again/],
    ['mapped, without the reference for that', (words) => (words[12] = 0), 'corrupt', /^short of references/],
  ])('one that is %s is found', (_, change, implies, what) =>
    expect(look(three(change)).problems).toEqual([
      { what: expect.stringMatching(what) as string, implies, count: 1, first: { page: 1, pfn: FIRST + 1 } },
    ]),
  );

  it('may be clean if nobody wrote them', () =>
    expect(
      look(
        three((words) => (words[0] = SWAPBACKED)),
        { isHole: (page) => page === 1 },
      ).problems,
    ).toEqual([]));
  it('may have more references if others can hold them', () =>
    expect(
      look(
        three((words) => (words[13] = 1025)),
        { alone: false },
      ).problems,
    ).toEqual([]));
  it('may be mapped', () => expect(look(three((words) => words.set([1, 3], 12))).problems).toEqual([]));
  it('in a folio of another order', () =>
    expect(look(folio(3, 0, [0xffff_fe01, 0xffff_ffff]), { orders: new Map([[FIRST, 2]]) }).problems).toMatchObject([
      { count: 8, what: 'in a folio of order 3, handed over in one of order 2' },
    ]));
  it('in a folio that lacks references', () =>
    expect(look(folio(3, 0, [0xffff_fe01, 0xffff_ffff], (words) => (words[13] = 7))).problems).toMatchObject([
      { count: 8, what: expect.stringMatching(/^short of references: 7/) as string },
    ]));
  it('that are tails of no folio', () =>
    expect(look([single(0), single(1, (words) => (words[2] = 1))])).toMatchObject({
      familiar: 1,
      problems: [{ what: 'of no folio that makes sense' }],
    }));
  it('that the array does not cover', () =>
    expect(look([single(0)], { runs: [{ page: 0, pfn: FIRST, count: 2 }] })).toMatchObject({
      familiar: 1,
      problems: [{ count: 1 }],
    }));
});

describe('pages that the file has lost', () => {
  it('are those that are free or elsewhere', () =>
    expect(goneOf(look(three((words) => (words[13] = 0))))).toHaveLength(1));
  it('do not include clean pages', () => expect(goneOf(look(three((words) => (words[0] = 0))))).toEqual([]));
  it('are not reported if no page looks as expected', () => {
    const seen = look([new Uint32Array(16), new Uint32Array(16)]);
    expect([seen.familiar, goneOf(seen)]).toEqual([0, []]);
  });
});
