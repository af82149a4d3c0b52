// SPDX-License-Identifier: Apache-2.0
// What differs from the base alone, and with which patch it begins.
import { describe, expect, it } from 'vitest';
import type { TryPair, TryRow } from '../../src/model/series/try.js';
import { compilerErrors, patchFailure } from '../../src/series/verdict/build-errors.js';
import { differences, isWorse } from '../../src/series/verdict/compare.js';
import { firstBad } from '../../src/series/verdict/first-bad.js';

const row = (scenario: string, pair: TryPair, state: TryRow['state'], title: string | null = null): TryRow => ({
  scenario,
  pair,
  state,
  endsIn: null,
  title,
  run: null,
});

describe('differences', () => {
  it('are those from the base alone, the worst first, alike ones together', () => {
    const rows = [
      row('a', 'base -> base', 'preserved'),
      row('b', 'base -> base', 'preserved'),
      row('c', 'base -> base', 'leak'),
      row('a', 'base -> series', 'preserved'),
      row('b', 'base -> series', 'leak', 'pages leaked'),
      row('c', 'base -> series', 'preserved'),
      row('a', 'series -> base', 'panic', 'boom'),
      row('b', 'series -> base', 'panic', 'boom'),
      row('c', 'series -> base', 'leak'),
    ];
    expect(
      differences(rows).map(({ pair, rows: same, outcome, instead, isWorse: worse }) => [
        pair,
        same.map(({ scenario }) => scenario).join(),
        outcome,
        instead,
        worse,
      ]),
    ).toEqual([
      ['series -> base', 'a,b', 'panic', 'preserved', true],
      ['base -> series', 'b', 'leak', 'preserved', true],
      ['base -> series', 'c', 'preserved', 'leak', false],
    ]);
  });

  it('are none where one of the two runs gave no verdict', () => {
    for (const state of ['infra', 'pending', 'flaky'] as const) {
      expect(differences([row('a', 'base -> base', state), row('a', 'series -> base', 'panic')])).toEqual([]);
      expect(differences([row('a', 'base -> base', 'preserved'), row('a', 'series -> base', state)])).toEqual([]);
      expect(isWorse(row('a', 'series -> base', state), row('a', 'base -> base', 'preserved'))).toBeNull();
    }
  });

  it('count another ending of the same outcome', () => {
    const other = { ...row('a', 'series -> base', 'lost'), endsIn: 'leak' as const };
    expect(differences([row('a', 'base -> base', 'lost'), other])).toHaveLength(1);
  });
});

describe('the patch with which it begins', () => {
  /** Each question is bad from its patch on. */
  async function search(patches: number, begins: readonly number[], untried: readonly number[] = []) {
    const tried: number[] = [];
    const found = await firstBad(patches, begins, async (count, open) => {
      tried.push(count);
      return new Map(open.map((first) => [first, untried.includes(count) ? null : count >= first]));
    });
    return { tried, found: begins.map((first) => found.get(first)) };
  }

  it.each(Array.from({ length: 9 }, (_, index) => index + 1))('is found: %i of 9', async (first) => {
    const { tried, found } = await search(9, [first]);
    expect(found).toEqual([{ first, last: first }]);
    expect(tried.length).toBeLessThanOrEqual(4);
  });

  it('is found for several questions, and each beginning of the series is tried once', async () => {
    const { tried, found } = await search(8, [1, 2, 5, 8]);
    expect(found).toEqual([1, 2, 5, 8].map((first) => ({ first, last: first })));
    expect(new Set(tried).size).toBe(tried.length);
  });

  it('of one patch needs no try', async () => {
    expect(await search(1, [1])).toEqual({ tried: [], found: [{ first: 1, last: 1 }] });
  });

  it('is one of several if those between cannot be tried', async () => {
    expect((await search(5, [3], [2, 3])).found).toEqual([{ first: 2, last: 4 }]);
    expect((await search(4, [2], [1, 2, 3])).found).toEqual([{ first: 1, last: 4 }]);
  });
});

describe('what tools say', () => {
  it('the compiler: files and lines', () => {
    const output = [
      '  CC      mm/memfd.o',
      "mm/memfd_luo.c: In function 'f':",
      "mm/memfd_luo.c:620:9: error: 'x' undeclared (first use in this function)",
      './include/linux/kho/abi/luo.h:70:2: error: #error no',
      'make[3]: *** [scripts/Makefile.build:287: mm/memfd_luo.o] Error 1',
      'make[2]: *** [scripts/Makefile.build:544: mm] Error 2',
    ].join('\n');
    expect(compilerErrors(output)).toEqual({
      files: ['mm/memfd_luo.c', 'include/linux/kho/abi/luo.h'],
      lines: output.split('\n').slice(2, 4),
    });
  });

  it('the linker: its lines', () => {
    const output =
      "ld: vmlinux.o: in function `f':\nmm/memfd.c:(.text+0x1): undefined reference to `g'\nmake: *** [x] Error 2\n";
    expect(compilerErrors(output).lines).toEqual(output.split('\n').slice(0, 2));
  });

  it('patch(1): file and hunk', () => {
    const failed =
      'patching file mm/a.c\nHunk #1 succeeded at 3 (offset 1 line).\nHunk #2 FAILED at 65.\n1 out of 2 hunks FAILED\n';
    expect(patchFailure(failed)).toMatchObject({ file: 'mm/a.c', hunk: 2 });
    const there = 'patching file mm/a.c\nReversed (or previously applied) patch detected!  Skipping patch.\n';
    expect(patchFailure(there)).toMatchObject({ file: 'mm/a.c', hunk: null, why: 'the base seems to have it already' });
    expect(patchFailure("can't find file to patch at input line 4\n")).toMatchObject({ file: null, hunk: null });
  });
});
