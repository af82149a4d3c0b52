// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { inWindow } from '../../src/util/window.js';

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('work in a window', () => {
  it.each([
    [0, 4],
    [1, 4],
    [3, 4],
    [4, 4],
    [50, 4],
    [50, 1],
  ])('%i items, %i at once', async (count, limit) => {
    const begun: number[] = [];
    let now = 0;
    let most = 0;
    await inWindow(
      Array.from({ length: count }, (_, i) => i),
      limit,
      async (item) => {
        begun.push(item);
        most = Math.max(most, ++now);
        for (let i = 0; i <= item % 3; i++) await tick();
        now--;
      },
    );
    expect(begun).toEqual(Array.from({ length: count }, (_, i) => i));
    expect(most).toBe(Math.min(count, limit));
    expect(now).toBe(0);
  });

  it('starts nothing after a failure, and waits for what is running', async () => {
    const ended: number[] = [];
    const work = inWindow([0, 1, 2, 3, 4, 5], 2, async (item) => {
      await tick();
      if (item === 1) throw new Error('one');
      await tick();
      ended.push(item);
    });
    await expect(work).rejects.toThrow('one');
    expect(ended).toEqual([0]);
  });

  it('reports the first of several failures, whatever was thrown', async () => {
    await expect(
      inWindow([3, 1, 2], 3, async (ticks) => {
        for (let i = 0; i < ticks; i++) await tick();
        throw new Error(`after ${ticks}`);
      }),
    ).rejects.toThrow('after 1');
    await expect(inWindow([1], 1, () => Promise.reject())).rejects.toBeUndefined();
  });
});
