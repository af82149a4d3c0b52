// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { atOnce, inTurns, type Pieces } from '../../../src/util/loop/turns.js';

function* busy(pieces: number, ms: number): Pieces<number> {
  for (let n = 0; n < pieces; n++) {
    for (const end = performance.now() + ms; performance.now() < end;);
    yield;
  }
  return pieces;
}

it('lets the loop turn between the pieces', async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  expect(await inTurns(busy(20, 10))).toBe(20);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(5);
});

it('gives small pieces no turn of their own', async () => {
  let turns = 0;
  const count = () => void (turns++, (next = setImmediate(count)));
  let next = setImmediate(count);
  await inTurns(busy(1000, 0));
  clearImmediate(next);
  expect(turns).toBeLessThan(100);
});

it('fails as the work does, in turns and at once', async () => {
  function* failing(): Pieces<number> {
    yield;
    throw new Error('unreadable');
  }
  await expect(inTurns(failing())).rejects.toThrow('unreadable');
  expect(() => atOnce(failing())).toThrow('unreadable');
  expect(atOnce(busy(3, 0))).toBe(3);
});

it('ends with the reason of an abort, in the middle of the work', async () => {
  const abort = new AbortController();
  const reason = new Error('interrupted');
  setTimeout(() => abort.abort(reason), 30);
  let pieces = 0;
  function* endless(): Pieces<void> {
    for (; pieces < 1000; pieces++) {
      yield* busy(1, 5);
    }
  }
  await expect(inTurns(endless(), abort.signal)).rejects.toBe(reason);
  expect(pieces).toBeLessThan(1000);
});
