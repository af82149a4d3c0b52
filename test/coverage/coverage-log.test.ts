// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { CoverageLog, CoverageMap, loggedRanges, type WatchedKernel } from '../../src/coverage/index.js';

const BOOT = 0x81001000;
const JUMP = 0x81002000;
const CODE = 0x81003000;

function kernel(name: string, moved = 0): WatchedKernel {
  const code = { ranges: [{ start: CODE + moved, end: CODE + moved + 0x100 }], boot: BOOT + moved, jump: JUMP + moved };
  return { name, sha256: name, code, why: null };
}

const BLIND: WatchedKernel = { name: 'blind', sha256: 'blind', code: null, why: 'it has no symbols' };

const block = (start: number): string =>
  `----------------\nIN: \n0xffffffff${start.toString(16)}:  c3       retq     \n\n`;

function ranIn(kernels: WatchedKernel[], starts: number[], log = new CoverageLog(kernels)): [string, number[]][] {
  log.feed(Buffer.from(starts.map(block).join('')));
  return log.result().map((epoch) => [epoch.kernel.name, epoch.blocks.map(([start]) => start - CODE)]);
}

describe('the log of a run', () => {
  it('is split where the next kernel boots, if both have the same addresses', () => {
    const same = kernel('one');
    expect(ranIn([same, same], [BOOT, CODE, JUMP, CODE + 1, BOOT, CODE + 2])).toEqual([
      ['one', [0, 1]],
      ['one', [2]],
    ]);
  });

  it('is split where the next kernel boots, if it has addresses of its own', () => {
    expect(
      ranIn([kernel('one'), kernel('two', 0x40)], [BOOT, CODE, JUMP, BOOT + 0x40, CODE, CODE + 0x40, CODE + 0x13f]),
    ).toEqual([
      ['one', [0]],
      ['two', [0x40, 0x13f]],
    ]);
  });

  it('is not split by a function that is translated again', () => {
    expect(ranIn([kernel('one'), kernel('two')], [BOOT, BOOT, CODE, JUMP, JUMP, CODE + 1])).toEqual([['one', [0, 1]]]);
  });

  it('ends with a reset of the machine', () => {
    expect(ranIn([kernel('one'), kernel('two')], [BOOT, CODE, BOOT, CODE + 1])).toEqual([['one', [0]]]);
  });

  it('counts later epochs to the last kernel', () => {
    expect(ranIn([kernel('one')], [BOOT, JUMP, BOOT, CODE])).toEqual([
      ['one', []],
      ['one', [0]],
    ]);
  });

  it('goes on behind a kernel that cannot be watched, and says so', () => {
    const log = new CoverageLog([BLIND, kernel('two')]);
    log.feed(Buffer.from([BOOT, CODE].map(block).join('')));
    expect(log.result()).toMatchObject([
      { kernel: { name: 'blind' }, blind: 'it has no symbols', blocks: [] },
      { kernel: { name: 'two' }, blind: null, blocks: [[CODE, 1]] },
    ]);
  });

  it('of a saved machine begins in the middle', () => {
    const log = new CoverageLog([kernel('one'), kernel('two')], { how: 'resumed', epoch: 1 });
    log.feed(Buffer.from([CODE].map(block).join('')));
    expect(log.result()).toMatchObject([
      { blocks: [], blind: expect.stringContaining('later than this kernel') },
      { blocks: [[CODE, 1]], blind: expect.stringContaining('before was not seen') },
    ]);
  });

  it('that lost a part says how much', () => {
    const log = new CoverageLog([kernel('one')]);
    log.lost(4096);
    expect(log.result()).toMatchObject([{ blind: expect.stringContaining('4096 bytes') }]);
  });

  it('is filtered by all kernels and their marks', () => {
    expect(loggedRanges([kernel('one'), kernel('two', 0x80), BLIND])).toEqual([
      { start: BOOT, end: BOOT + 1 },
      { start: BOOT + 0x80, end: BOOT + 0x81 },
      { start: JUMP, end: JUMP + 1 },
      { start: JUMP + 0x80, end: JUMP + 0x81 },
      { start: CODE, end: CODE + 0x180 },
    ]);
  });
});

it('a map counts what is new, by kernel', () => {
  const map = new CoverageMap<number>();
  expect(map.merge(new Map([[0, new Set([1, 2])]]))).toBe(2);
  const other = new Map([
    [0, new Set([2, 3])],
    [1, new Set([1])],
  ]);
  expect(map.news(other)).toBe(2);
  expect(map.merge(other)).toBe(2);
  expect(map.news(other)).toBe(0);
  expect(map.size).toBe(4);
});
