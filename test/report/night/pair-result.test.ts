// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { stateText } from '../../../src/report/night/pair-result.js';
import { nightOf } from '../night.js';

describe('the words for a pair result', () => {
  const pairResult = (...words: string[]) => {
    const [first] = nightOf({ a: words }).pairResults;
    if (first === undefined) throw new Error('no pair result');
    return first;
  };

  it('say which witnesses the user did without, whatever the state', () => {
    const one = pairResult('preserved', 'preserved');
    expect(stateText(one)).toBe('preserved');
    const [attempt] = one.attempts;
    if (attempt === undefined) throw new Error('no attempt');
    const without = [{ ...attempt, without: ['iommu' as const, 'marks' as const] }];
    expect(stateText({ ...one, attempts: without })).toBe('preserved without marks, iommu');
    expect(stateText({ ...one, state: 'flaky', attempts: without })).toBe('flaky: 2 preserved without marks, iommu');
  });
});
