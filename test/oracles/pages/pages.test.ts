// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { missingFile, returnedFile } from '../../../src/oracles/files/file-verdict.js';
import { atOnce } from '../../../src/util/loop/turns.js';
import { findKhop, KhopIndex } from '../../../src/oracles/pages/khop.js';
import { inspectOutside } from '../../../src/oracles/files/outside.js';
import { mix, PAGE, Pattern } from '../../../src/oracles/files/pattern.js';

/** Physical memory of a machine: pages by frame number. */
function memory(pages: Map<number, Uint8Array>) {
  return (phys: number, into: Uint8Array): boolean => {
    for (let at = 0; at < into.length; at += PAGE) {
      const page = pages.get((phys + at) / PAGE);
      if (page === undefined) return false;
      into.set(page, at);
    }
    return true;
  };
}

function machineWith(pattern: Pattern, firstPfn: number): Map<number, Uint8Array> {
  return new Map(Array.from({ length: pattern.pages }, (_, page) => [firstPfn + page, pattern.page(page)]));
}

describe('the content pattern', () => {
  it('matches the one in the protocol description', () => {
    const seed = 7;
    const words = new Uint32Array(new Pattern({ size: 3 * PAGE, seed, holes: [] }).page(2).buffer);
    const base = (j: number) => mix((Math.imul(seed, 0x9e3779b1) + j) >>> 0);
    const tag = (p: number, h: number) => mix((mix((seed + Math.imul(0x85ebca6b, h + 1)) >>> 0) + p) >>> 0);
    for (const j of [0, 1, 2, 511, 1023]) expect(words[j]).toBe((base(j) ^ tag(2, j & 1)) >>> 0);
  });

  it('distinguishes every page from all others of this and other files', () => {
    const a = new Pattern({ size: 64 * PAGE, seed: 1, holes: [] });
    const b = new Pattern({ size: 64 * PAGE, seed: 2, holes: [] });
    const as = (bytes: Uint8Array) => new Uint32Array(bytes.buffer);
    for (let page = 0; page < 64; page++) {
      expect(a.compare(page, as(a.page(page)), 0)).toBe(-1);
      expect(a.compare(page, as(a.page((page + 1) % 64)), 0)).toBe(0);
      expect(a.compare(page, as(b.page(page)), 0)).toBe(0);
    }
  });

  it('locates a single flipped bit', () => {
    const pattern = new Pattern({ size: PAGE, seed: 3, holes: [] });
    for (const at of [0, 1, 4, 2047, 4095]) {
      const bytes = pattern.page(0);
      bytes[at] = (bytes[at] as number) ^ 0x10;
      expect(pattern.compare(0, new Uint32Array(bytes.buffer), 0)).toBe(at);
    }
  });

  it('has zeros in holes and behind the end', () => {
    const pattern = new Pattern({ size: PAGE + 10, seed: 3, holes: [{ first: 0, count: 1 }] });
    expect(pattern.page(0).every((byte) => byte === 0)).toBe(true);
    expect(
      pattern
        .page(1)
        .subarray(10)
        .every((byte) => byte === 0),
    ).toBe(true);
    expect(
      pattern
        .page(1)
        .subarray(0, 10)
        .some((byte) => byte !== 0),
    ).toBe(true);
    const dirty = pattern.page(1);
    dirty[10] = 1;
    expect(pattern.compare(1, new Uint32Array(dirty.buffer), 0)).toBe(10);
  });
});

describe('the view from outside', () => {
  const pattern = new Pattern({ size: 600 * PAGE, seed: 9, holes: [] });
  const runs = [{ page: 0, pfn: 1000, count: 600 }];

  it('accepts a whole file', () => {
    expect(inspectOutside(memory(machineWith(pattern, 1000)), pattern, runs)).toMatchObject({
      pages: 600,
      equal: 600,
      different: 0,
      first: null,
    });
  });

  it('notices two swapped pages, across chunks', () => {
    const pages = machineWith(pattern, 1000);
    pages.set(1255, pattern.page(256)).set(1256, pattern.page(255));
    const look = inspectOutside(memory(pages), pattern, runs);
    expect(look).toMatchObject({
      different: 2,
      differentRuns: [{ page: 255, count: 2 }],
      first: { page: 255, offset: 0, phys: 1255 * PAGE },
    });
  });

  it('reports missing RAM as different', () => {
    const pages = machineWith(pattern, 1000);
    pages.delete(1599);
    expect(inspectOutside(memory(pages), pattern, [{ page: 599, pfn: 1599, count: 1 }]).different).toBe(1);
  });
});

describe('marked pages', () => {
  it('are found with their order, and nothing else is', () => {
    const structs = new Uint32Array(16 * 8);
    structs[16 * 3 + 10] = 2;
    structs[16 * 3 + 11] = 0x4b484f50;
    structs[16 * 5 + 11] = 0x4b484f51;
    structs[16 * 6 + 12] = 0x4b484f50;
    expect(findKhop(structs, 100)).toEqual([{ pfn: 103, order: 2 }]);
    const index = new KhopIndex([{ pfn: 103, order: 2 }]);
    expect([102, 103, 106, 107].map((pfn) => index.has(pfn))).toEqual([false, true, true, false]);
  });
});

describe('the verdict on a file', () => {
  const pattern = new Pattern({ size: 8 * PAGE, seed: 4, holes: [] });
  const runs = [{ page: 0, pfn: 50, count: 8 }];
  const whole = { problems: [], badPages: 0 };

  it('is intact only if inside and outside agree', () => {
    const read = memory(machineWith(pattern, 50));
    expect(atOnce(returnedFile(read, pattern, runs, runs, whole)).state).toBe('intact');
    expect(
      atOnce(returnedFile(read, pattern, runs, runs, { problems: ['2 pages differ'], badPages: 2 })),
    ).toMatchObject({ state: 'corrupt', pagesCorrupt: 2, pagesIntact: 6 });
    const pages = machineWith(pattern, 50);
    pages.set(52, pattern.page(0));
    expect(atOnce(returnedFile(memory(pages), pattern, runs, runs, whole))).toMatchObject({
      state: 'corrupt',
      pagesCorrupt: 1,
      pagesIntact: 7,
    });
  });

  it('is corrupt if pages are missing', () => {
    expect(
      atOnce(returnedFile(memory(machineWith(pattern, 50)), pattern, runs, [{ page: 0, pfn: 50, count: 6 }], whole)),
    ).toMatchObject({ state: 'corrupt', pagesCorrupt: 2 });
  });

  it('is leaked while its pages are marked, and lost otherwise', () => {
    const pages = machineWith(pattern, 50);
    pages.set(57, new Uint8Array(PAGE));
    const all = new KhopIndex([{ pfn: 50, order: 3 }]);
    expect(atOnce(missingFile(memory(pages), pattern, runs, all, 'why'))).toMatchObject({
      state: 'leaked',
      pagesLeaked: 8,
      pagesLost: 0,
    });
    expect(atOnce(missingFile(memory(pages), pattern, runs, new KhopIndex([]), 'why'))).toMatchObject({
      state: 'lost',
      pagesLost: 8,
      overwritten: 1,
      readable: 7,
    });
  });
});
