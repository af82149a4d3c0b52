// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { TAINT_FLAGS, TAINT_NAMES } from '../../src/model/result/taint.js';
import { bitsOf, knownOnArrival, maskText } from '../../src/oracles/taint.js';

describe('a taint mask', () => {
  it.each([
    [0n, '0x0'],
    [0x200n, '0x200 (warn)'],
    [0x280n, '0x280 (oops, warn)'],
    [0x20n, '0x20 (bad-page)'],
    [1n << 20n, '0x100000 (bit-20)'],
    [1n << 63n, '0x8000000000000000 (bit-63)'],
  ])('%i reads %s', (mask, text) => expect(maskText(mask)).toBe(text));

  it('lists flags in the order in which a kernel prints their letters', () => {
    expect(TAINT_FLAGS.map(({ letter }) => letter).join('')).toBe('PFSRMBUDAWCIOELKXTNJ');
    expect(TAINT_FLAGS.map(({ bit }) => bit)).toEqual(Array.from({ length: 20 }, (_, bit) => bit));
    expect(new Set(TAINT_NAMES).size).toBe(24);
  });

  it('treats an unknown bit as damage', () => {
    expect(bitsOf(1n << 21n)).toEqual([{ name: 'bit-21', kind: 'damage' }]);
    expect(bitsOf(1n << 11n)).toEqual([{ name: 'firmware', kind: 'state' }]);
  });

  it('ignores on arrival what the same kernel had at first boot, and for another kernel what is not damage', () => {
    const first = 0x200n | (1n << 11n);
    expect(knownOnArrival(first, { sameKernel: true })).toBe(first);
    expect(knownOnArrival(first, { sameKernel: false })).toBe(1n << 11n);
  });
});
