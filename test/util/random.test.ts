// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { Random } from '../../src/util/random.js';

const sequence = (random: Random) => Array.from({ length: 20 }, () => random.below(1000));

it('gives the same numbers for the same seed and words, and others for others', () => {
  expect(sequence(new Random(1, 'a', 2))).toEqual(sequence(new Random(1, 'a', 2)));
  expect(sequence(new Random(1, 'a', 2))).not.toEqual(sequence(new Random(2, 'a', 2)));
  expect(sequence(new Random(1, 'a', 2))).not.toEqual(sequence(new Random(1, 'a', 3)));
});

it('reaches the whole range and nothing beyond', () => {
  const random = new Random(7);
  const seen = new Set(Array.from({ length: 1000 }, () => random.below(4)));
  expect([...seen].sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
  const large = Array.from({ length: 2000 }, () => random.upTo(1 << 20));
  expect(Math.max(...large)).toBeLessThanOrEqual(1 << 20);
  expect(Math.max(...large)).toBeGreaterThan(1 << 17);
  expect(large.filter((value) => value < 1024).length).toBeGreaterThan(500);
});
