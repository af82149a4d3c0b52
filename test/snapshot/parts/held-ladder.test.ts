// SPDX-License-Identifier: Apache-2.0
// A ladder from which one process starts many runs.
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { REAL_PARTS } from '../../../src/run/index.js';
import { HeldLadder, Unusable } from '../../../src/snapshot/index.js';
import { begin, emptyStore, fill, KEY } from '../store/box.js';

const { signal } = new AbortController();
const start = (held: HeldLadder) => held.resuming({ base: REAL_PARTS, signal });

async function heldLadder(): Promise<{ held: HeldLadder; dir: string; store: ReturnType<typeof emptyStore> }> {
  const store = emptyStore();
  const draft = await begin(store);
  const contents = fill(draft);
  writeFileSync(draft.path('journal.jsonl'), '{"kind":"rung","rung":"jump"}\n');
  await draft.publish(contents);
  const found = await store.find(KEY, { upTo: 'jump' });
  if (found.state !== 'found') throw new Error(found.state);
  return { held: new HeldLadder(found.ladder), dir: join(store.root, KEY), store };
}

it('starts any number of runs, each at its rung', async () => {
  const { held } = await heldLadder();
  using _ = held;
  expect([start(held).rung, start(held).rung]).toEqual(['jump', 'jump']);
});

it('starts none any more once somebody has written to its RAM, whatever its mtime says', async () => {
  const { held, dir } = await heldLadder();
  using _ = held;
  start(held);
  writeFileSync(join(dir, 'jump.ram'), 'x', { flag: 'r+' });
  utimesSync(join(dir, 'jump.ram'), 1, 1);
  expect(() => start(held)).toThrow(Unusable);
});

it('stays in the store until it is let go', async () => {
  const { held, store } = await heldLadder();
  expect((await store.clear()).ladders).toBe(0);
  held[Symbol.dispose]();
  expect((await store.clear()).ladders).toBe(1);
});
