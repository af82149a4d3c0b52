// SPDX-License-Identifier: Apache-2.0
// When a kernel is held to have left.
import { expect, it } from 'vitest';
import { KexecWatch } from '../../../src/run/machine/kexec-watch.js';

async function has(watch: KexecWatch): Promise<boolean> {
  return Promise.race([
    watch.left.then(() => true),
    new Promise<false>((resolve) => setImmediate(() => resolve(false))),
  ]);
}

it('its last words tell once it has been asked to', async () => {
  const watch = new KexecWatch();
  watch.onKexecStart();
  watch.arm();
  expect(await has(watch)).toBe(false);
  watch.onKexecStart();
  expect(await has(watch)).toBe(true);
  expect(watch.missed).toBe(false);
});

it('last words that are read after the jump was seen otherwise are not those of the next kernel', async () => {
  const watch = new KexecWatch();
  watch.arm();
  // A breakpoint has told of the jump; the console lags behind.
  watch.onKexecStart();
  watch.arm();
  expect(await has(watch)).toBe(false);
});

it('a kernel that boots without them has taken over, but only if a jump was due', async () => {
  const watch = new KexecWatch();
  expect(watch.onBootWithout()).toBe(false);
  watch.arm();
  expect(watch.onBootWithout()).toBe(true);
  expect([await has(watch), watch.missed]).toEqual([true, true]);
  watch.arm();
  expect([await has(watch), watch.missed]).toEqual([false, false]);
});

it('neither a refusal nor a reset leaves a jump due', () => {
  const watch = new KexecWatch();
  watch.arm();
  watch.disarm();
  expect(watch.onBootWithout()).toBe(false);
  watch.arm();
  watch.onReset();
  expect(watch.onBootWithout()).toBe(false);
});
