// SPDX-License-Identifier: Apache-2.0
// Makes run folders in a results folder, without a machine.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Attempt, Cell } from '../../../src/model/result/matrix.js';
import type { Outcome } from '../../../src/model/result/outcome.js';
import type { Result } from '../../../src/model/result/result.js';
import { incident, kernel, resultOf } from '../../report/result.js';
import { matrixOf } from '../matrix/matrix.js';

export interface MadeRun {
  outcome?: Outcome;
  title?: string;
  /** A day, ISO 8601. */
  day?: string;
  scenario?: string;
  kernels?: [string, string];
  asExpected?: boolean;
  more?: Partial<Result>;
}

/** Writes one run; returns its name. */
export function writeRun(
  results: string,
  name: string,
  {
    outcome = 'preserved',
    title,
    day = '2026-01-01',
    scenario = 'first',
    kernels = ['7.2.12', '7.3.4'],
    asExpected = outcome === 'preserved',
    more = {},
  }: MadeRun = {},
): string {
  const cause = outcome === 'preserved' ? null : incident(outcome, { title: title ?? `a ${outcome}` });
  const chain = kernels.map((each) => kernel(each));
  const result = resultOf(outcome, {
    id: name,
    startedAt: `${day}T00:00:00.000Z`,
    scenario: { name: scenario, description: '', tags: [], file: `scenarios/${scenario}.yaml` },
    kernels: chain,
    from: chain[0]!,
    to: chain[1]!,
    cause,
    incidents: cause === null ? [] : [cause],
    expected: asExpected ? outcome : 'preserved',
    asExpected,
    ...more,
  });
  mkdirSync(join(results, name), { recursive: true });
  writeFileSync(join(results, name, 'result.json'), JSON.stringify(result));
  return name;
}

/** Writes a matrix that has ended; returns its name. */
export function writeMatrix(
  results: string,
  id: string,
  cells: Cell[],
  attempts: Attempt[],
  more: Partial<ReturnType<typeof matrixOf>> = {},
): string {
  mkdirSync(join(results, id), { recursive: true });
  writeFileSync(
    join(results, id, 'matrix.json'),
    JSON.stringify({ ...matrixOf(cells), id, endedAt: '2026-11-22T01:00:00.000Z', ...more }),
  );
  writeFileSync(join(results, id, 'cells.jsonl'), attempts.map((attempt) => `${JSON.stringify(attempt)}\n`).join(''));
  return id;
}
