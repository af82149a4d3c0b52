// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { confidenceOf, expectedRate, interval, runsToBeSure } from '../../../src/repro/rerun/confidence.js';

describe('confidence', () => {
  it('three of three are not always', () => expect(expectedRate({ seen: 3, runs: 3 })).toBeCloseTo(0.8));
  it.each([
    [0.8, 2],
    [0.5, 5],
    [0.1, 20],
    [1, 1],
  ])('a failure at rate %f is gone after %i runs without it', (rate, runs) => {
    expect(runsToBeSure(rate, 0.95, 20)).toBe(runs);
  });
  it('the runs give the confidence that was asked for', () =>
    expect(confidenceOf(0.5, runsToBeSure(0.5, 0.95, 20))).toBeGreaterThanOrEqual(0.95));
  it("Wilson's interval of known cases", () => {
    expect(interval({ seen: 5, runs: 10 }).map((value) => value.toFixed(3))).toEqual(['0.237', '0.763']);
    expect(interval({ seen: 0, runs: 0 })).toEqual([0, 1]);
  });
});
