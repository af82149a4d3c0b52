// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RESULT_SCHEMA } from '../../../src/model/result/result.js';
import { History } from '../../../src/store/history/index.js';
import { temporaryFolder } from '../../util/temporary.js';
import { cellOf } from '../matrix/matrix.js';
import { writeMatrix, writeRun } from '../run/runs.js';

async function ask<T>(results: string, question: (history: History) => T, rebuild = false): Promise<T> {
  const history = await History.open(results, { rebuild });
  try {
    return question(history);
  } finally {
    history.close();
  }
}

const names = (results: string) => ask(results, (history) => history.runs({}, 100).map(({ name }) => name));
/** Makes the folder look unchanged for a while, so that the index can trust its timestamp. */
const settle = (results: string) => utimesSync(results, new Date(Date.now() - 60_000), new Date(Date.now() - 60_000));

describe('the index of a results folder', () => {
  it('has every run, newest first; the timestamp of the folder does not hide a new one', async () => {
    const results = temporaryFolder();
    writeRun(results, 'b', { day: '2026-01-02' });
    writeRun(results, 'a', { day: '2026-01-01' });
    settle(results);
    expect(await names(results)).toEqual(['b', 'a']);
    expect(await names(results)).toEqual(['b', 'a']);
    writeRun(results, 'c', { day: '2026-01-03' });
    expect(await names(results)).toEqual(['c', 'b', 'a']);
    rmSync(join(results, 'b'), { recursive: true });
    expect(await names(results)).toEqual(['c', 'a']);
  });

  it('distrusts the timestamp of a folder that changed a moment ago: another change may have the same', async () => {
    const results = temporaryFolder();
    const now = new Date();
    writeRun(results, 'a', { day: '2026-01-01' });
    utimesSync(results, now, now);
    expect(await names(results)).toEqual(['a']);
    writeRun(results, 'b', { day: '2026-01-02' });
    utimesSync(results, now, now);
    expect(await names(results)).toEqual(['b', 'a']);
  });

  it('reads nothing again if nothing changed', async () => {
    const results = temporaryFolder();
    writeRun(results, 'a');
    settle(results);
    let seen = 0;
    (await History.open(results, { onFolder: () => seen++ })).close();
    expect(seen).toBe(1);
    (await History.open(results, { onFolder: () => seen++ })).close();
    expect(seen).toBe(1);
    (await History.open(results, { rebuild: true, onFolder: () => seen++ })).close();
    expect(seen).toBe(2);
  });

  it('reports unusable folders, continues with the rest, and includes them once they are repaired', async () => {
    const results = temporaryFolder();
    writeRun(results, 'good');
    const bad: [string, string | null][] = [
      ['cut', '{"schema":1,"id":'],
      ['empty', ''],
      ['newer', '{"schema":99}'],
      ['none', null],
      ['other', '{"schema":1}'],
    ];
    for (const [name, text] of bad) {
      mkdirSync(join(results, name));
      if (text !== null) writeFileSync(join(results, name, 'result.json'), text);
    }
    mkdirSync(join(results, '.partial-x'));
    // A hunt is no broken run.
    mkdirSync(join(results, 'fuzz'));
    writeFileSync(join(results, 'fuzz', 'journal.jsonl'), '{}');
    mkdirSync(join(results, 'matrix-cut'));
    writeFileSync(join(results, 'matrix-cut', 'matrix.json'), '{"schema":1');
    const unreadable = await ask(results, (history) => history.unreadable());
    expect(unreadable.map(({ name, state }) => [name, state])).toEqual([
      ['cut', 'damaged'],
      ['empty', 'damaged'],
      ['matrix-cut', 'damaged'],
      ['newer', 'newer'],
      ['none', 'unfinished'],
      ['other', 'damaged'],
    ]);
    expect(unreadable.find(({ name }) => name === 'newer')?.why).toContain(
      `its schema is 99, this lab knows ${RESULT_SCHEMA}`,
    );
    expect(await names(results)).toEqual(['good']);
    settle(results);
    writeRun(results, 'cut', { day: '2026-01-05' });
    settle(results);
    expect(await names(results)).toEqual(['cut', 'good']);
    expect((await ask(results, (history) => history.unreadable())).some(({ name }) => name === 'cut')).toBe(false);
  });

  it('is rebuilt if its file is damaged', async () => {
    const results = temporaryFolder();
    writeRun(results, 'a');
    expect(await names(results)).toEqual(['a']);
    writeFileSync(
      join(results, '.index/history.sqlite'),
      'this is no database, and long enough to be looked at by whoever opens it. '.repeat(100),
    );
    expect(await names(results)).toEqual(['a']);
  });

  it('is kept in memory, with a note, if it cannot be written', async () => {
    const results = temporaryFolder();
    writeRun(results, 'a');
    writeFileSync(join(results, '.index'), 'a file where a folder should be');
    const { note, runs } = await ask(results, (history) => ({ note: history.note, runs: history.runs({}, 9).length }));
    expect(note).toContain('kept in memory');
    expect(runs).toBe(1);
  });

  it('supports two labs at once', async () => {
    const results = temporaryFolder();
    for (let i = 0; i < 50; i++) writeRun(results, `run-${i}`);
    expect((await Promise.all([names(results), names(results), names(results)])).map(({ length }) => length)).toEqual([
      50, 50, 50,
    ]);
  });

  it('of a missing folder is empty and creates no folder for runs', async () => {
    const results = join(temporaryFolder(), 'results');
    expect(await names(results)).toEqual([]);
    expect(existsSync(results)).toBe(true);
  });

  it('notices that a night grows', async () => {
    const results = temporaryFolder();
    writeMatrix(results, 'm1', [cellOf('a')], [], { endedAt: null });
    settle(results);
    expect(await ask(results, (history) => history.nights())).toEqual([
      { name: 'm1', plan: 'scenarios/matrix/quick.yaml', started: Date.parse('2026-11-22'), ended: null },
    ]);
    writeMatrix(results, 'm1', [cellOf('a')], []);
    expect((await ask(results, (history) => history.nights()))[0]?.ended).toBe(Date.parse('2026-11-22T01:00:00Z'));
    expect(await ask(results, (history) => history.nights('another plan'))).toEqual([]);
  });

  it('counts runs with a start time in the future', async () => {
    const results = temporaryFolder();
    writeRun(results, 'a', { day: '2026-01-01' });
    writeRun(results, 'b', { day: '2999-01-01' });
    writeRun(results, 'c', { more: { startedAt: 'yesterday' } });
    expect(await ask(results, (history) => history.count(Date.parse('2026-06-01')))).toEqual({
      runs: 3,
      fromTheFuture: 1,
    });
  });
});

describe('failures with the same title', () => {
  it('are one bug: since when, how often, on which pairs', async () => {
    const results = temporaryFolder();
    writeRun(results, 'r1', { outcome: 'lost', title: 'T', day: '2026-01-03' });
    writeRun(results, 'r2', { outcome: 'lost', title: 'T', day: '2026-01-01', kernels: ['7.1.13', '7.3.4'] });
    writeRun(results, 'r3', { outcome: 'panic', title: 'T', day: '2026-01-05', asExpected: true });
    writeRun(results, 'r4', { day: '2026-01-04' });
    writeRun(results, 'r5', { outcome: 'lost', title: 'U', day: '2026-01-02' });
    const bugs = await ask(results, (history) => history.bugs());
    expect(bugs.map(({ title }) => title)).toEqual(['T', 'U']);
    const [bug] = bugs;
    expect(bug).toMatchObject({
      runs: 3,
      unexpected: 2,
      first: { run: 'r2' },
      last: { run: 'r3' },
      scenarios: ['first'],
      fixed: null,
    });
    expect(bug?.outcomes.toSorted()).toEqual(['lost', 'panic']);
    expect(bug?.pairs.map(({ chain, runs }) => [chain, runs])).toEqual([
      ['7.2.12 -> 7.3.4', 2],
      ['7.1.13 -> 7.3.4', 1],
    ]);
    // On the first pair, 2 of 3 runs from the 3rd to the 5th; on the other, 1 of 1.
    expect(bug?.rate).toBe(3 / 4);
  });

  it.each([
    ['is open while nothing ran since', [], null],
    [
      'is gone once every place ran without it',
      [{ day: '2026-01-05' }, { day: '2026-01-06', kernels: ['7.1.13', '7.3.4'] as [string, string] }],
      '2026-01-06',
    ],
    ['is open where one of its places did not run since', [{ day: '2026-01-05' }], null],
    [
      'is gone where another one took its place',
      [
        { day: '2026-01-05', outcome: 'panic' as const, title: 'V' },
        { day: '2026-01-07', kernels: ['7.1.13', '7.3.4'] as [string, string] },
      ],
      '2026-01-07',
    ],
    [
      'is open where the lab itself failed since',
      [
        { day: '2026-01-05', outcome: 'infra' as const },
        { day: '2026-01-06', kernels: ['7.1.13', '7.3.4'] as [string, string] },
      ],
      null,
    ],
  ])('a bug %s', async (_, later, fixed) => {
    const results = temporaryFolder();
    writeRun(results, 'r1', { outcome: 'lost', title: 'T', day: '2026-01-01' });
    writeRun(results, 'r2', { outcome: 'lost', title: 'T', day: '2026-01-02', kernels: ['7.1.13', '7.3.4'] });
    for (const [at, run] of later.entries()) writeRun(results, `later${at}`, run);
    expect((await ask(results, (history) => history.bug('T')))?.fixed ?? null).toBe(
      fixed === null ? null : Date.parse(fixed),
    );
  });

  it('are not a bug if the lab failed, if nothing failed, or if a refusal was expected', async () => {
    const results = temporaryFolder();
    writeRun(results, 'r1', { outcome: 'infra', title: 'I' });
    writeRun(results, 'r2', { outcome: 'refused', title: 'R', asExpected: true });
    writeRun(results, 'r3', { outcome: 'refused', title: 'S' });
    writeRun(results, 'r4');
    expect((await ask(results, (history) => history.bugs())).map(({ title }) => title)).toEqual(['S']);
    expect(await ask(results, (history) => history.bug('nothing'))).toBeNull();
  });

  it('are found by filters with any content', async () => {
    const results = temporaryFolder();
    const evil = "x'; DROP TABLE run; --";
    writeRun(results, 'r1', { outcome: 'lost', title: evil, scenario: evil, day: '2026-02-01' });
    writeRun(results, 'r2', { day: '2026-01-01' });
    const runs = (filter: Parameters<History['runs']>[0]) =>
      ask(results, (history) => history.runs(filter, 9).map(({ name }) => name));
    expect(await runs({ title: evil })).toEqual(['r1']);
    expect(
      await runs({ scenario: evil, outcome: 'lost', chain: '7.2.12 -> 7.3.4', since: Date.parse('2026-01-15') }),
    ).toEqual(['r1']);
    expect(await runs({ since: Date.parse('2026-03-01') })).toEqual([]);
    expect((await ask(results, (history) => history.bug(evil)))?.runs).toBe(1);
  });
});
