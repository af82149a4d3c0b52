// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { mix } from '../../../src/oracles/files/pattern.js';
import { digestOf } from '../../../src/oracles/guest/digest.js';

const WORDS = 1024;
const random = () => Uint32Array.from({ length: WORDS }, (_, i) => mix(i + 1));
const zero = () => new Uint32Array(WORDS);

function flipped(of: () => Uint32Array, places: readonly number[], mask: number): Uint32Array {
  const words = of();
  for (const at of places) words[at] = ((words[at] as number) ^ mask) >>> 0;
  return words;
}

it.each<[string, () => Uint32Array, number[], number]>([
  ['two high bits of a page of random words', random, [10, 800], 0x8000_0000],
  ['two high bits of a page of zeros', zero, [0, 2], 0x8000_0000],
  ['four high bits', random, [1, 3, 5, 7], 0x8000_0000],
  ['two bits below the highest', random, [10, 800], 0x4000_0000],
  ['neighbours', zero, [0, 1], 0x8000_0000],
  ['one low bit', random, [512], 1],
])('%s change the digest', (_, of, places, mask) => {
  expect(digestOf(flipped(of, places, mask), 0, WORDS)).not.toEqual(digestOf(of(), 0, WORDS));
});

it('all pairs of high bits change it', () => {
  const before = digestOf(zero(), 0, WORDS).join();
  const same = Array.from({ length: WORDS - 2 }, (_, at) =>
    digestOf(flipped(zero, [at, at + 2], 0x8000_0000), 0, WORDS).join(),
  ).filter((digest) => digest === before);
  expect(same).toEqual([]);
});
