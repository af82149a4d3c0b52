// SPDX-License-Identifier: Apache-2.0
// No oracle looks at a large memory in one go: between its pieces the loop serves Ctrl-C, the machine and other runs.
import { expect, it } from 'vitest';
import { checkChain, Snapshot } from '../../src/oracles/guest/index.js';
import { lookOutside } from '../../src/oracles/files/outside.js';
import { inspectPageCache } from '../../src/oracles/pages/page-cache.js';
import type { Pieces } from '../../src/util/loop/turns.js';
import { FakeGuest } from './guest/world.js';

const PAGES = 16_384;
/** A piece takes less than 20 ms on a slow host: a page takes up to 2 microseconds. */
const MAX_PAGES_OF_PIECE = 8192;
const runs = [{ page: 0, pfn: 0, count: PAGES }];
const read = () => true;

function piecesOf(work: Pieces<unknown>): number {
  let pieces = 1;
  while (work.next().done !== true) pieces++;
  return pieces;
}

const ORACLES: Record<string, () => Pieces<unknown>> = {
  'the content of a file': () => lookOutside(read, { compare: () => -1 }, runs),
  'the snapshot of a guest': () => new Snapshot().take(read, runs),
  'the state of the pages of a file': () =>
    inspectPageCache(() => null, { runs, orders: new Map(), isHole: () => false, alone: true }),
};

it.each(Object.keys(ORACLES))('%s is looked at in pieces', (name) => {
  const work = ORACLES[name];
  expect(work === undefined ? 0 : piecesOf(work())).toBeGreaterThanOrEqual(PAGES / MAX_PAGES_OF_PIECE);
});

it('the chain of a guest is checked in pieces, and so are its heads', () => {
  const pages = 3000;
  const guest = new FakeGuest(42, 1, pages);
  guest.extend(0, pages);
  const pieces = piecesOf(checkChain(guest.read, guest.runs, guest));
  expect(pieces).toBeGreaterThan(pages / 256 + pages / 1024);
});
