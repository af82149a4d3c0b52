// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { History } from '../../src/store/history/index.js';
import { planPruning, prune, type PruneRule } from '../../src/store/prune.js';
import { linkedByReports, noteReport } from '../../src/store/matrix/reports.js';
import { temporaryFolder } from '../util/temporary.js';
import { attemptOf, cellOf } from './matrix/matrix.js';
import { writeMatrix, writeRun } from './run/runs.js';

const OLD = '2026-01-01';
const NEW = '2026-06-01';
const RULE: PruneRule = { before: Date.parse('2026-03-01'), nights: 1 };

async function pruned(results: string, rule = RULE) {
  const history = await History.open(results);
  try {
    const plan = planPruning(results, history, rule);
    prune(results, plan);
    return {
      plan,
      left: readdirSync(results)
        .filter((name) => !name.startsWith('.'))
        .sort(),
    };
  } finally {
    history.close();
  }
}

describe('old runs', () => {
  it('are removed, young ones stay', async () => {
    const results = temporaryFolder();
    writeRun(results, 'old', { day: OLD });
    writeRun(results, 'young', { day: NEW });
    expect((await pruned(results)).left).toEqual(['young']);
    expect(readdirSync(results).filter((name) => name.startsWith('.pruned'))).toEqual([]);
  });

  it('stay if they were the first or last to show a failure', async () => {
    const results = temporaryFolder();
    for (const [name, day] of [
      ['r1', '2026-01-01'],
      ['r2', '2026-01-02'],
      ['r3', '2026-01-03'],
    ] as const)
      writeRun(results, name, { outcome: 'lost', title: 'T', day });
    const { left, plan } = await pruned(results);
    expect(left).toEqual(['r1', 'r3']);
    expect(plan.kept).toEqual({ reports: 0, nights: 0, bugs: 2 });
  });

  it('stay while a report links to them, and are removed with it', async () => {
    const results = temporaryFolder();
    const report = join(temporaryFolder(), 'html');
    mkdirSync(report);
    writeRun(results, 'linked', { day: OLD });
    writeRun(results, 'not', { day: OLD });
    noteReport(results, report, ['linked']);
    expect((await pruned(results)).left).toEqual(['linked']);
    rmSync(report, { recursive: true });
    expect((await pruned(results)).left).toEqual([]);
    expect([...linkedByReports(results)]).toEqual([]);
  });

  it('stay with the newest nights of a plan, and with one that has not ended', async () => {
    const results = temporaryFolder();
    for (const name of ['run-a-1', 'run-b-1', 'run-c-1']) writeRun(results, name, { day: OLD });
    writeMatrix(results, 'm-a', [cellOf('a')], [attemptOf('a-1')], { startedAt: '2026-01-01T00:00:00.000Z' });
    writeMatrix(results, 'm-b', [cellOf('b')], [attemptOf('b-1')], { startedAt: '2026-01-02T00:00:00.000Z' });
    writeMatrix(results, 'm-c', [cellOf('c')], [attemptOf('c-1')], {
      startedAt: '2026-01-01T00:00:00.000Z',
      endedAt: null,
    });
    expect((await pruned(results)).left).toEqual(['m-b', 'm-c', 'run-b-1', 'run-c-1']);
  });
});
