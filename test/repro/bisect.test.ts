// SPDX-License-Identifier: Apache-2.0
// Bisecting with made-up points: which change is the first bad one is known.
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Scenario } from '../../src/model/scenario/scenario.js';
import { bisect } from '../../src/repro/bisect/bisect.js';
import { Journal } from '../../src/repro/bisect/journal.js';
import type { Failure } from '../../src/repro/rerun/failure.js';
import { parseScenario } from '../../src/scenario/index.js';
import { LabError } from '../../src/util/errors.js';
import { temporaryFolder } from '../util/temporary.js';

/** Stands for every point; a Map tells which point it is. */
const SCENARIO = 'from: 7.2.12\nto: 7.3.4\nsessions: [{name: a}]\nexpect: preserved\n';
const FINE = { outcome: 'preserved', title: null } as const;
const PANIC = { outcome: 'panic', title: 'boom' } as const;
const OTHER = { outcome: 'lost', title: 'something' } as const;

type At = (index: number, run: number) => Failure | Error;

function world(
  last: number,
  at: At,
  more: { wanted?: Failure; journal?: Journal; times?: number; stopAfter?: number } = {},
) {
  const runs = new Map<number, number>();
  const stop = new AbortController();
  let built = 0;
  const indexes = new Map<Scenario, number>();
  const go = () =>
    bisect({
      axis: { points: Array.from({ length: last + 1 }, (_, n) => `c${n}`), kernel: (index) => `c${index}` },
      journal: more.journal ?? new Journal(join(temporaryFolder(), 'journal.jsonl')),
      prepare: async (index) => {
        if (++built > (more.stopAfter ?? Infinity)) stop.abort(new Error('Ctrl-C'));
        stop.signal.throwIfAborted();
        const is = at(index, 0);
        if (is instanceof Error) throw is;
        const scenario = parseScenario(SCENARIO, 'x.yaml');
        indexes.set(scenario, index);
        return scenario;
      },
      execute: async (scenario) => {
        const index = indexes.get(scenario) ?? -1;
        const run = (runs.get(index) ?? 0) + 1;
        runs.set(index, run);
        const is = at(index, run);
        if (is instanceof Error) throw is;
        return { ...is, suspects: [], asExpected: is.outcome === 'preserved' };
      },
      wanted: more.wanted ?? null,
      times: more.times ?? 3,
      confidence: 0.95,
      jobs: 2,
      signal: stop.signal,
      onStage: () => undefined,
    });
  return { go, runs, builds: () => built };
}

const since =
  (first: number, bad: Failure = PANIC): At =>
  (index) =>
    index >= first ? bad : FINE;

describe('bisect', () => {
  it.each([1, 2, 31, 32, 33, 63, 64])('finds change %i of 64, in as many steps as it takes', async (first) => {
    const { go, builds } = world(64, since(first));
    const found = await go();
    expect(found).toMatchObject({ first: [first], lastGood: first - 1 });
    expect(builds()).toBeLessThanOrEqual(2 + 6);
  });

  it('goes round what does not build, boot, or fails otherwise', async () => {
    const at: At = (index) =>
      index === 8
        ? new LabError('does not build')
        : index === 9
          ? OTHER
          : index === 7
            ? { outcome: 'infra', title: 'no machine' }
            : (since(5)(index, 0) as Failure);
    const found = await world(16, at).go();
    expect(found.first).toEqual([5]);
    expect(found.tried.filter(({ verdict }) => verdict === 'skip').map(({ index }) => index)).toContain(8);
  });

  it('names several where those between cannot be judged', async () => {
    const found = await world(8, (index) =>
      index >= 3 && index < 6 ? new LabError('does not build') : (since(4)(index, 0) as Failure),
    ).go();
    expect(found).toMatchObject({ first: [3, 4, 5, 6], lastGood: 2 });
  });

  it('is not led astray by a failure that shows every other time', async () => {
    let turn = 0;
    const found = await world(64, (index) => (index >= 20 && ++turn % 2 === 0 ? PANIC : FINE), { times: 4 }).go();
    expect(found.first).toEqual([20]);
    expect(found.ends.rate.seen).toBeLessThan(4);
  });

  it.each<[string, At, Failure | undefined, RegExp]>([
    ['swapped', (index) => (index === 0 ? PANIC : FINE), undefined, /swapped/],
    ['swapped, for the failure of a run', (index) => (index === 0 ? PANIC : OTHER), PANIC, /swapped/],
    ['both bad', () => PANIC, undefined, /both ends fail/],
    ['both good', () => FINE, undefined, /neither end fails/],
    ['both other than the failure of a run', () => OTHER, PANIC, /neither end fails/],
  ])('refuses ends that are %s', async (_name, at, wanted, message) => {
    const { go, builds } = world(8, at, wanted === undefined ? {} : { wanted });
    await expect(go()).rejects.toThrow(message);
    expect(builds()).toBe(2);
  });

  it('takes another failure at the good end for good where a run says what is bad', async () => {
    expect((await world(8, (index) => (index >= 6 ? PANIC : OTHER), { wanted: PANIC }).go()).first).toEqual([6]);
  });

  it('goes on where it was after a kill, also from a line that was cut short', async () => {
    const path = join(temporaryFolder(), 'journal.jsonl');
    await expect(world(64, since(37), { journal: new Journal(path), stopAfter: 5 }).go()).rejects.toThrow('Ctrl-C');
    appendFileSync(path, '\n{"tried":{"index":3');
    const rest = world(64, since(37), { journal: new Journal(path) });
    expect((await rest.go()).first).toEqual([37]);
    expect(rest.builds()).toBeLessThanOrEqual(3);
    const again = world(64, since(1), { journal: new Journal(path) });
    expect((await again.go()).first).toEqual([37]);
    expect(again.builds()).toBe(0);
    expect(readFileSync(path, 'utf8')).toContain('"verdict":"bad"');
  });

  it.each([
    '{"ends":{"bad":{"outcome":"gone","title":null}}}',
    '{"ends":null}',
    '{"tried":{"index":"1","verdict":"good","why":"","runs":1,"ms":1}}',
    '{"tried":{"index":1,"verdict":"perhaps","why":"","runs":1,"ms":1}}',
    'null',
    '5',
  ])('skips a line of the journal that does not fit: %s', (line) => {
    const path = join(temporaryFolder(), 'journal.jsonl');
    const fine = { index: 2, verdict: 'good', why: '', runs: 1, ms: 1 };
    appendFileSync(path, `${line}\n${JSON.stringify({ tried: { ...fine, added: 1 } })}\n`);
    const journal = new Journal(path);
    expect(journal.ends).toBeNull();
    expect([...journal.tried]).toEqual([[2, fine]]);
  });

  it('a bug of the lab ends it: it is no verdict', async () => {
    await expect(
      world(8, (index) => (index === 4 ? new TypeError('a bug') : (since(5)(index, 0) as Failure))).go(),
    ).rejects.toThrow('a bug');
  });
});
