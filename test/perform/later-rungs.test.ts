// SPDX-License-Identifier: Apache-2.0
// A ladder that cannot get past a rung says so, and not every run tries again.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Rung } from '../../src/model/result/snapshot.js';
import type { Climb } from '../../src/perform/climb.js';
import { findWithLaterRungs } from '../../src/perform/later-rungs.js';
import { markStuck, type SnapshotStore, stuckReason } from '../../src/snapshot/index.js';
import { emptyStore, KEY, save } from '../snapshot/store/box.js';

const DAY = 24 * 3600 * 1000;
const WHY = 'the run without the faults ended in panic: Kernel panic';

let store: SnapshotStore;
let climbs: number;
let notes: string[];

beforeEach(() => {
  store = emptyStore();
  climbs = 0;
  notes = [];
});

/** @returns the rung that the run starts from */
async function find(climb: () => Promise<Climb>, upTo: Rung = 'open'): Promise<string> {
  const found = await findWithLaterRungs({
    upTo,
    find: () => store.find(KEY, { upTo }),
    climb: () => {
      climbs++;
      return climb();
    },
    onStuck: (why) => notes.push(why),
  });
  if (found.state !== 'found') return found.state;
  found.ladder.release();
  return found.ladder.rung;
}

const fails = async (): Promise<Climb> => ({ state: 'done', why: WHY, outcome: 'panic' });

describe('a ladder that ends at the jump', () => {
  it('gets its later rungs when a run wants one', async () => {
    await save(store, { rungs: ['jump'] });
    const climb = async (): Promise<Climb> => {
      await save(store, { rungs: ['jump', 'kho', 'luo', 'open'] });
      return { state: 'done', why: 'the run without the faults ended in preserved', outcome: 'preserved' };
    };
    expect(await find(climb, 'jump')).toBe('jump');
    expect(climbs).toBe(0);
    expect(await find(climb)).toBe('open');
    expect([climbs, notes]).toEqual([1, []]);
    expect(await find(climb)).toBe('open');
    expect(climbs).toBe(1);
  });

  it('and cannot get further is tried once; the run says so, and the list too', async () => {
    await save(store, { rungs: ['jump'] });
    expect(await find(fails)).toBe('jump');
    expect(notes).toEqual([`${WHY}; runs start at jump, and in a day one tries again`]);
    for (let more = 0; more < 3; more++) expect(await find(fails)).toBe('jump');
    expect([climbs, notes.length]).toEqual([1, 1]);
    expect((await store.list()).map(({ stuck }) => stuck)).toEqual([WHY]);
  });

  it('is tried again a day later, and after the clock of the host was set back', async () => {
    const dir = await save(store, { rungs: ['jump'] });
    const now = Date.now();
    markStuck(dir, WHY, now);
    expect(stuckReason(dir, now + DAY - 1)).toBe(WHY);
    expect(stuckReason(dir, now + DAY)).toBeNull();
    expect(stuckReason(dir, now - 1)).toBeNull();
  });

  it('is tried again by the next run if nothing was tried now', async () => {
    await save(store, { rungs: ['jump'] });
    const busy = async (): Promise<Climb> => ({
      state: 'untried',
      why: 'another run saves this machine now',
      outcome: null,
    });
    expect([await find(busy), await find(busy)]).toEqual(['jump', 'jump']);
    expect([climbs, notes]).toEqual([2, []]);
  });

  it('loses its mark with the ladder', async () => {
    const dir = await save(store, { rungs: ['jump'] });
    await find(fails);
    rmSync(dir, { recursive: true });
    await save(store, { rungs: ['jump'] });
    await find(fails);
    expect(climbs).toBe(2);
  });

  it('is tried again if its mark cannot be read, and the mark is safe to print', async () => {
    const dir = await save(store, { rungs: ['jump'] });
    const mark = join(dir, 'stuck.json');
    for (const content of ['', '{"schema":1,"at":"now","why":""}', '[]']) {
      writeFileSync(mark, content);
      expect(stuckReason(dir)).toBeNull();
    }
    markStuck(dir, `\u001b[2J${'x'.repeat(100_000)}`);
    expect(readFileSync(mark).length).toBeLessThan(5000);
    expect(stuckReason(dir)).toMatch(/^\\x1b\[2Jx+\.\.\.$/);
    expect(existsSync(mark)).toBe(true);
  });
});

it('a run without a ladder climbs nothing', async () => {
  expect(await find(fails)).toBe('none');
  expect(climbs).toBe(0);
});
