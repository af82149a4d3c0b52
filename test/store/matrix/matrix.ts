// SPDX-License-Identifier: Apache-2.0
// A matrix for tests.
import type { Attempt, Cell, Matrix } from '../../../src/model/result/matrix.js';

export function cellOf(scenario: string, repeat = 1, kernels: string[] = ['7.2.12', '7.3.4']): Cell {
  return {
    id: `${scenario}-${repeat}`,
    scenario: `scenarios/${scenario}.yaml`,
    tags: [],
    kernels,
    repeat,
    expected: { outcome: 'preserved', endsIn: null, source: 'scenario' },
  };
}

export function matrixOf(cells: Cell[]): Matrix {
  return {
    schema: 1,
    id: 'm1',
    plan: 'scenarios/matrix/quick.yaml',
    planSha256: '0'.repeat(64),
    labVersion: '0.1.0',
    startedAt: '2026-11-22T00:00:00.000Z',
    endedAt: null,
    cells,
  };
}

export function attemptOf(cell: string, but: Partial<Attempt> = {}): Attempt {
  return {
    cell,
    attempt: 1,
    run: `run-${cell}`,
    outcome: 'preserved',
    endsIn: 'none',
    without: [],
    rung: null,
    asExpected: true,
    title: null,
    ms: 5000,
    startedAt: '2026-11-22T00:00:00.000Z',
    worker: 'host:1',
    ...but,
  };
}
