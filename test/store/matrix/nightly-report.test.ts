// SPDX-License-Identifier: Apache-2.0
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Attempt } from '../../../src/model/result/matrix.js';
import { findInResults } from '../../../src/store/find.js';
import { nightlyReportOfRun, readNightlyReport } from '../../../src/store/matrix/nightly-report.js';
import { coldRepeats } from '../../../src/store/matrix/pair-results.js';
import { resultsOfRuns } from '../../../src/store/run/read-run.js';
import { temporaryFolder } from '../../util/temporary.js';
import { attemptOf, cellOf } from './matrix.js';
import { writeMatrix, writeRun } from '../run/runs.js';

describe('a night', () => {
  it('is read with notes about everything that is wrong with it', () => {
    const results = temporaryFolder();
    const id = writeMatrix(results, 'm1', [cellOf('a'), cellOf('b')], [attemptOf('a-1'), attemptOf('elsewhere')], {
      endedAt: null,
    });
    appendFileSync(join(results, id, 'cells.jsonl'), 'half a li');
    const night = readNightlyReport(join(results, id));
    expect(night.pairResults.map(({ state }) => state)).toEqual(['preserved', 'pending']);
    expect(night.notes).toEqual([
      '1 line of cells.jsonl left out: unreadable',
      '1 attempt left out: the matrix has no such cells',
      expect.stringContaining('not ended: 1 of 2 pair results'),
    ]);
  });

  it('says how many cells ran from snapshots, and how many of those ran again, cold', () => {
    const results = temporaryFolder();
    const warm = (cell: string, but: Partial<Attempt> = {}) => attemptOf(cell, { rung: 'booted', ...but });
    const attempts = [
      warm('a-1'),
      attemptOf('a-1', { attempt: 2 }),
      warm('b-1'),
      // Only tried again.
      warm('c-1', { outcome: 'infra' }),
      attemptOf('c-1', { attempt: 2 }),
      attemptOf('d-1'),
    ];
    const cells = ['a', 'b', 'c', 'd'].map((name) => cellOf(name));
    const id = writeMatrix(results, 'm1', cells, attempts, { endedAt: '2026-11-23T00:00:00.000Z' });
    expect(readNightlyReport(join(results, id)).notes).toEqual(['3 cells ran from snapshots, 1 of them also cold']);
    expect(coldRepeats(attempts)).toEqual([attempts[1]]);
  });

  it('gets a note if the clock jumped', () => {
    const results = temporaryFolder();
    const back = writeMatrix(results, 'm1', [cellOf('a')], [attemptOf('a-1')], { endedAt: '2026-11-21T00:00:00.000Z' });
    expect(readNightlyReport(join(results, back)).notes).toEqual([
      'the clock of the host jumped: the matrix ended before it started',
    ]);
    const early = writeMatrix(
      results,
      'm2',
      [cellOf('a')],
      [attemptOf('a-1', { startedAt: '2025-11-22T00:00:00.000Z' })],
    );
    expect(readNightlyReport(join(results, early)).notes).toEqual([expect.stringContaining('1 attempt began outside')]);
  });

  it('of one run is that run', () => {
    const results = temporaryFolder();
    writeRun(results, 'r1', { outcome: 'lost', title: 'T' });
    const { pairResults, attempts, kind } = nightlyReportOfRun(join(results, 'r1'));
    expect(kind).toBe('run');
    expect(pairResults[0]).toMatchObject({ state: 'lost', asExpected: false, kernels: ['7.2.12', '7.3.4'] });
    expect(attempts[0]).toMatchObject({ run: 'r1', title: 'T' });
    expect(() => nightlyReportOfRun(results)).toThrow('no result.json');
  });
});

describe('a word for a folder of results/', () => {
  /** Two runs; the folder is removed after the test. */
  const results = (): string => {
    const folder = temporaryFolder();
    for (const name of ['20260101-first-aaaa', '20260102-second-bbbb']) writeRun(folder, name);
    mkdirSync(join(folder, '.index'));
    return folder;
  };
  it.each([
    ['20260101-first-aaaa', '20260101-first-aaaa'],
    ['aaaa', '20260101-first-aaaa'],
    ['second', '20260102-second-bbbb'],
  ])('%s is %s', (word, name) => expect(findInResults(results(), word).name).toBe(name));
  it('may be a path', () =>
    expect(findInResults('nowhere', join(results(), '20260101-first-aaaa'))).toMatchObject({
      kind: 'run',
      name: '20260101-first-aaaa',
    }));
  it('distinguishes a matrix from a run', () => {
    const folder = results();
    writeMatrix(folder, 'm1', [], []);
    expect(findInResults(folder, 'm1').kind).toBe('matrix');
  });
  it.each([
    ['2026', 'may mean any of 2 folders'],
    ['zzz', 'there is no run or matrix zzz'],
    ['./zzz', 'there is no folder ./zzz'],
    ['..', 'there is no run or matrix ..'],
  ])('%s is not understood', (word, message) => expect(() => findInResults(results(), word)).toThrow(message));
});

describe("the results of a night's runs", () => {
  it('never come from another folder, whatever the name', () => {
    const results = join(temporaryFolder(), 'results');
    writeRun(results, '../outside');
    writeRun(results, 'inside');
    const of = resultsOfRuns(results);
    expect(of('inside')?.id).toBe('inside');
    expect(of('../outside')).toBeNull();
    expect(of('gone')).toBeNull();
  });
});
