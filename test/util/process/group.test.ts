// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { groupBy } from '../../../src/util/process/group.js';

it('puts items with the same key together, in their order', () => {
  const groups = groupBy(['b1', 'a1', 'b2', '__proto__', 'a2'], (word) => word.replace(/\d/, ''));
  expect([...groups]).toEqual([
    ['b', ['b1', 'b2']],
    ['a', ['a1', 'a2']],
    ['__proto__', ['__proto__']],
  ]);
  expect(groupBy([], String).size).toBe(0);
});
