// SPDX-License-Identifier: Apache-2.0
// What a profile pins reaches who runs the cell, on whichever host.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { scenarioOf } from '../../src/matrix/runner.js';
import { taskOf } from './fake-runner.js';

it('the version of the state of its guests', () => {
  const text = readFileSync('scenarios/guests/survives.yaml', 'utf8');
  const task = taskOf('survives');
  const saved = (guestState: number | null) =>
    scenarioOf(
      {
        ...task,
        text,
        cell: { ...task.cell, scenario: 'guests/survives', kernels: ['7.3.4', '7.3.4'] },
        guestState,
        memory: 2 ** 30,
        start: 'warm',
        coverage: false,
      },
      { kernelProblem: () => null, trust: false },
    ).steps.flatMap((step) => (step.op === 'guest-save' ? [step.version] : []));
  expect([saved(null), saved(1)]).toEqual([[null], [1]]);
});
