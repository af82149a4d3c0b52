// SPDX-License-Identifier: Apache-2.0
// When a kernel is held to have left.
import { expect, it } from 'vitest';
import { Leaving } from '../../../src/run/machine/kexec-watch.js';

async function has(leaving: Leaving): Promise<boolean> {
  return Promise.race([
    leaving.left.then(() => true),
    new Promise<false>((resolve) => setImmediate(() => resolve(false))),
  ]);
}

it('its last words tell once it has been asked to', async () => {
  const leaving = new Leaving();
  leaving.sawLastWords();
  leaving.due(true);
  expect(await has(leaving)).toBe(false);
  leaving.sawLastWords();
  expect(await has(leaving)).toBe(true);
  expect(leaving.unseen).toBe(false);
});

it('last words that are read after the jump was seen otherwise are not those of the next kernel', async () => {
  const leaving = new Leaving();
  leaving.due(true);
  // A breakpoint has told of the jump; the console lags behind.
  leaving.sawLastWords();
  leaving.due(true);
  expect(await has(leaving)).toBe(false);
});

it('a kernel that boots without them has taken over, but only where a jump was due', async () => {
  const leaving = new Leaving();
  expect(leaving.sawBootWithout()).toBe(false);
  leaving.due(true);
  expect(leaving.sawBootWithout()).toBe(true);
  expect([await has(leaving), leaving.unseen]).toEqual([true, true]);
  leaving.due(true);
  expect([await has(leaving), leaving.unseen]).toEqual([false, false]);
});

it('neither a refusal nor a reset leaves a jump due', () => {
  const leaving = new Leaving();
  leaving.due(true);
  leaving.due(false);
  expect(leaving.sawBootWithout()).toBe(false);
  leaving.due(true);
  leaving.sawReset();
  expect(leaving.sawBootWithout()).toBe(false);
});
