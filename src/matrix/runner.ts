// SPDX-License-Identifier: Apache-2.0
// Runs one cell on this host.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pinGuests } from '../compat/index.js';
import type { Attempt, Matrix } from '../model/result/matrix.js';
import type { Event } from '../model/result/event.js';
import type { Scenario } from '../model/scenario/scenario.js';
import { perform } from '../perform/perform.js';
import { Preparation } from '../perform/prepare.js';
import { parseScenario, type ScenarioOverrides } from '../scenario/index.js';
import { readCellOfRun } from '../store/matrix/folder.js';
import { readResult } from '../store/run/run-folder.js';
import { isDiskFull, LabError, messageOf } from '../util/errors.js';
import { attemptOf, infraAttempt } from './attempt.js';
import type { CellTask, RunCell } from './queue.js';
import { fileOf } from './select.js';

export interface CellRunnerOptions {
  preparation: Preparation;
  results: string;
  labVersion: string;
  worker: string;
  kernelProblem: NonNullable<ScenarioOverrides['kernelProblem']>;
  /** The text for an event; null for events that are not shown. */
  describe: (event: Event) => string | null;
}

export function cellRunner(options: CellRunnerOptions): RunCell {
  const { preparation, results, labVersion, worker, describe } = options;
  return async (task, signal, detail) => {
    const began = performance.now();
    try {
      const scenario = scenarioOf(task, options.kernelProblem);
      for (const stage of preparation.stages([scenario]))
        await stage.run({ detail: (text) => detail(`${stage.title}: ${text}`) });
      const cell = { matrix: task.matrix, cell: task.cell.id, attempt: task.attempt, worker };
      const { result, folder } = await perform(scenario, preparation.of(scenario), {
        results,
        labVersion,
        signal,
        cell,
        onEvent: (event) => {
          const text = describe(event);
          if (text !== null) detail(text);
        },
      });
      return attemptOf(cell, result, folder, performance.now() - began);
    } catch (error) {
      signal.throwIfAborted();
      // Every other cell would fail in the same way, so stop here. The results stay, and the matrix can continue later.
      if (!(error instanceof LabError) || isDiskFull(error.cause)) throw error;
      return infraAttempt(task, worker, messageOf(error), performance.now() - began);
    }
  };
}

/** The scenario of a cell, with the kernels, the command lines and the expectation that the matrix gave it. */
export function scenarioOf(
  { cell, text, cmdlines, guestState, timeout }: CellTask,
  kernelProblem: CellRunnerOptions['kernelProblem'],
): Scenario {
  const scenario = parseScenario(text, fileOf(cell.scenario), {
    kernels: cell.kernels,
    kernelProblem,
    ...(timeout === null ? {} : { timeout }),
  });
  return {
    ...pinGuests(scenario, guestState),
    cmdlines,
    expect: { outcome: cell.expected.outcome, endsIn: cell.expected.endsIn },
  };
}

/** Attempts whose run was stored, but not their line, because the lab was killed in between. */
export function orphans(results: string, matrix: Matrix, attempts: readonly Attempt[]): Attempt[] {
  const known = new Set(attempts.flatMap(({ run }) => run ?? []));
  const cells = new Set(matrix.cells.map(({ id }) => id));
  return readdirSync(results).flatMap((name) => {
    const folder = join(results, name);
    if (
      name.startsWith('.') ||
      known.has(name) ||
      statSync(join(folder, 'cell.json'), { throwIfNoEntry: false }) === undefined
    )
      return [];
    const cell = readCellOfRun(folder);
    if (cell?.matrix !== matrix.id || !cells.has(cell.cell)) return [];
    try {
      const result = readResult(folder);
      return [attemptOf(cell, result, folder, result.durations['total'] ?? 0)];
    } catch {
      return [];
    }
  });
}
