// SPDX-License-Identifier: Apache-2.0
import { expect, it, onTestFinished } from 'vitest';
import { within } from '../../../src/util/deadline.js';
import { blockedMs, measureLoop } from '../../../src/util/loop/meter.js';
import { type Pulse, whileItMoves } from '../../../src/util/pulse.js';
import { MachinePulse } from '../../../src/run/machine/pulse.js';

const never = new Promise<never>(() => undefined);
const turns = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Works without giving way to anything else, as a scan of a large memory does. */
function block(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

it('counts the time in which nothing else could run, at once and only once', async () => {
  const before = blockedMs();
  await turns(50);
  block(400);
  const soon = blockedMs() - before;
  expect(soon).toBeGreaterThan(300);
  await turns(60);
  const later = blockedMs() - before;
  expect(later).toBeGreaterThanOrEqual(soon - 1);
  expect(later).toBeLessThan(soon + 400);
});

it('shows a block in the figures of a run, and a run without one as punctual', async () => {
  const busy = measureLoop();
  onTestFinished(() => busy.stop());
  expect(busy.delay()).toEqual({ p99: 0, max: 0 });
  await turns(60);
  block(300);
  await turns(60);
  const { p99, max } = busy.delay();
  expect(max).toBeGreaterThan(250);
  expect(p99).toBeLessThanOrEqual(max);
});

it('a deadline leaves out the time in which the loop was blocked: the answer was only not read', async () => {
  let answered = 0;
  // The answer comes 300 ms after the block began, long after the deadline of 100 ms.
  const answer = turns(100).then(() => ++answered);
  const waits = within(answer, { ms: 150, what: 'answer', whose: 'machine' });
  block(400);
  expect(await waits).toBe(1);
});

it('no machine hangs because the lab could not look at it', async () => {
  const pulse: Pulse = new MachinePulse(() => null);
  const ready = turns(900);
  const wait = whileItMoves(ready, { ms: 700, what: 'mark', pulse });
  await turns(1);
  block(800);
  await expect(wait).resolves.toBeUndefined();
});

it('a machine that does nothing still hangs when the loop turns', async () => {
  const pulse: Pulse = new MachinePulse(() => null);
  await expect(whileItMoves(never, { ms: 200, what: 'mark', pulse })).rejects.toThrow('no mark within');
});
