// SPDX-License-Identifier: Apache-2.0
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { matrixIds, MatrixFolder, readAttempts, readCellOfRun, readMatrix } from '../../../src/store/matrix/folder.js';
import { pairResultsOf } from '../../../src/store/matrix/pair-results.js';
import { temporaryFolder } from '../../util/temporary.js';
import { attemptOf, cellOf, matrixOf } from './matrix.js';

describe('the folder of a matrix', () => {
  it('is complete from the start, and reads as it was written', () => {
    const results = join(temporaryFolder(), 'results');
    const matrix = matrixOf([cellOf('a'), cellOf('b')]);
    const folder = MatrixFolder.create(results, matrix);
    expect(readdirSync(results)).toEqual([matrix.id]);
    expect(matrixIds(results)).toEqual([matrix.id]);
    folder.append(attemptOf('a-1'));
    folder.append(attemptOf('b-1', { outcome: 'panic', endsIn: 'panic', asExpected: false, title: 'kernel panic' }));
    folder.write({ ...matrix, endedAt: '2026-11-22T01:00:00.000Z' });
    expect(readMatrix(folder.path)).toEqual({ ...matrix, endedAt: '2026-11-22T01:00:00.000Z' });
    expect(readAttempts(folder.path)).toMatchObject({
      attempts: [{ cell: 'a-1' }, { cell: 'b-1', title: 'kernel panic' }],
      damaged: 0,
    });
    expect(readdirSync(folder.path).sort()).toEqual(['cells.jsonl', 'matrix.json']);
  });

  it('continues after an incomplete line', () => {
    const results = temporaryFolder();
    const { path } = MatrixFolder.create(results, matrixOf([cellOf('a'), cellOf('b')]));
    appendFileSync(join(path, 'cells.jsonl'), `${JSON.stringify(attemptOf('a-1'))}\n{"cell":"b-1","att`);
    expect(readAttempts(path)).toMatchObject({ attempts: [{ cell: 'a-1' }], damaged: 1 });
    MatrixFolder.reopen(results, 'm1').append(attemptOf('b-1'));
    expect(readAttempts(path)).toMatchObject({ attempts: [{ cell: 'a-1' }, { cell: 'b-1' }], damaged: 0 });
  });

  it('skips lines that are not attempts, and counts them', () => {
    const { path } = MatrixFolder.create(temporaryFolder(), matrixOf([cellOf('a')]));
    appendFileSync(join(path, 'cells.jsonl'), `{"cell":"x"}\n[]\n\0\n${JSON.stringify(attemptOf('a-1'))}\n`);
    expect(readAttempts(path)).toMatchObject({ attempts: [{ cell: 'a-1' }], damaged: 3 });
  });

  it('reports what is wrong with a matrix.json', () => {
    const { path } = MatrixFolder.create(temporaryFolder(), matrixOf([cellOf('a')]));
    const file = join(path, 'matrix.json');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.slice(0, 50));
    expect(() => readMatrix(path)).toThrow(/cannot be read/);
    writeFileSync(file, text.replace('"schema": 1', '"schema": 7'));
    expect(() => readMatrix(path)).toThrow(/has schema 7; this lab reads up to 1/);
    writeFileSync(file, text.replace('"repeat": 1', '"repeat": 0'));
    expect(() => readMatrix(path)).toThrow(/damaged: cells\.0\.repeat/);
  });

  it('writes no incomplete line if the disk is full', () => {
    const folder = MatrixFolder.create(temporaryFolder(), matrixOf([cellOf('a')]));
    symlinkSync('/dev/full', join(folder.path, '.matrix.json'));
    expect(() => folder.write(matrixOf([]))).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('--resume') }),
    );
    expect(readMatrix(folder.path).cells).toHaveLength(1);
    rmSync(join(folder.path, 'cells.jsonl'));
    symlinkSync('/dev/full', join(folder.path, 'cells.jsonl'));
    expect(() => folder.append(attemptOf('a-1'))).toThrow(/cannot be written: ENOSPC/);
    expect(existsSync(join(folder.path, '.matrix.json'))).toBe(false);
  });

  it('knows which cell a run belongs to, or that it belongs to none', () => {
    const dir = temporaryFolder();
    expect(readCellOfRun(dir)).toBeNull();
    writeFileSync(join(dir, 'cell.json'), '{"matrix":"m"}');
    expect(readCellOfRun(dir)).toBeNull();
    writeFileSync(join(dir, 'cell.json'), '{"matrix":"m","cell":"c","attempt":1,"worker":"h:1"}');
    expect(readCellOfRun(dir)).toEqual({ matrix: 'm', cell: 'c', attempt: 1, worker: 'h:1' });
  });

  it('is not listed while it is being made, and runs are not listed', () => {
    const results = temporaryFolder();
    mkdirSync(join(results, '.partial-x'));
    writeFileSync(join(results, '.partial-x/matrix.json'), '{}');
    mkdirSync(join(results, 'a-run'));
    expect(matrixIds(results)).toEqual([]);
    expect(matrixIds(join(results, 'none'))).toEqual([]);
  });
});

describe('the pair results of a matrix', () => {
  const cells = [cellOf('a', 1), cellOf('a', 2), cellOf('a', 3)];
  const pairResult = (...attempts: readonly Readonly<Parameters<typeof attemptOf>>[]) =>
    pairResultsOf(
      { cells },
      attempts.map((each) => attemptOf(...each)),
    )[0];

  it.each([
    [
      'pending',
      [
        ['a-1', {}],
        ['a-2', {}],
      ],
    ],
    [
      'preserved',
      [
        ['a-1', {}],
        ['a-2', {}],
        ['a-3', {}],
      ],
    ],
    [
      'flaky',
      [
        ['a-1', {}],
        ['a-2', { outcome: 'panic', endsIn: 'panic' }],
      ],
    ],
    [
      'flaky',
      [
        ['a-1', { outcome: 'leak', endsIn: 'leak' }],
        ['a-2', { outcome: 'leak', endsIn: 'reboot' }],
        ['a-3', { outcome: 'leak', endsIn: 'leak' }],
      ],
    ],
    [
      'infra',
      [
        ['a-1', {}],
        ['a-2', {}],
        ['a-3', { outcome: 'infra' }],
      ],
    ],
    [
      'preserved',
      [
        ['a-1', {}],
        ['a-2', { outcome: 'infra' }],
        ['a-3', {}],
        ['a-2', { attempt: 2 }],
      ],
    ],
  ] as const)('%s', (state, attempts) => {
    expect(pairResult(...attempts)?.state).toBe(state);
  });

  it('are never averaged into a pass, and have a rate', () => {
    const flaky = pairResult(['a-1'], ['a-2', { outcome: 'panic', endsIn: 'panic', asExpected: false }], ['a-3']);
    expect(flaky).toMatchObject({
      asExpected: false,
      endsIn: null,
      rates: [
        { outcome: 'preserved', count: 2 },
        { outcome: 'panic', count: 1 },
      ],
    });
    // Each is as expected, but the outcomes still differ.
    expect(pairResult(['a-1'], ['a-2', { outcome: 'lost', endsIn: 'reboot' }], ['a-3'])).toMatchObject({
      state: 'flaky',
      asExpected: false,
    });
  });
});
