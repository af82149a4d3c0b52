// SPDX-License-Identifier: Apache-2.0
// Runs one cell on this host.
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pinGuests } from '../compat/index.js';
import { ruleFor, ruleWithin, shipsWithLab, type TrustOption } from '../host/trust.js';
import type { HostRule } from '../model/scenario/host-use.js';
import type { Attempt, Matrix } from '../model/result/matrix.js';
import type { Event } from '../model/result/event.js';
import type { Scenario } from '../model/scenario/scenario.js';
import { perform } from '../perform/perform.js';
import { Preparation } from '../perform/prepare.js';
import type { SnapshotUse } from '../perform/start.js';
import { parseScenario, ScenarioError, type ScenarioOverrides } from '../scenario/index.js';
import { readCellOfRun } from '../store/matrix/folder.js';
import { readResult } from '../store/run/run-folder.js';
import { isDiskFull, LabError, messageOf, UsageError } from '../util/errors.js';
import { attemptOf, infraAttempt } from './attempt.js';
import type { CellTask, RunCell } from './queue.js';
import { fileOf } from './select.js';

/** Bytes; the x86 kernel accepts 2047. */
const MAX_CMDLINE = 4096;

export interface CellRunnerOptions {
  preparation: Preparation;
  results: string;
  labVersion: string;
  worker: string;
  kernelProblem: NonNullable<ScenarioOverrides['kernelProblem']>;
  /** `trust`: the user trusts the plan or, on a worker, everybody who holds the secret of the queue. */
  trust: boolean;
  /** The text for an event; null for events that are not shown. */
  describe: (event: Event) => string | null;
}

const SNAPSHOTS: Readonly<Record<CellTask['start'], SnapshotUse>> = { warm: 'use', booted: 'booted', cold: 'cold' };

export function cellRunner(options: CellRunnerOptions): RunCell {
  const { preparation, results, labVersion, worker, describe } = options;
  return async (task, signal, detail) => {
    const began = performance.now();
    try {
      const scenario = scenarioOf(task, options);
      for (const stage of preparation.stages([scenario]))
        await stage.run({ detail: (text) => detail(`${stage.title}: ${text}`) });
      const cell = { matrix: task.matrix, cell: task.cell.id, attempt: task.attempt, worker };
      const { result, folder } = await perform(scenario, preparation.of(scenario), {
        results,
        labVersion,
        signal,
        cell,
        snapshots: SNAPSHOTS[task.start],
        coverage: task.coverage ? 'on' : 'off',
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

/**
 * The scenario of a cell, with the kernels, the command lines and the expectation that the matrix gave it. Throws a
 * ScenarioError if it would use more of this host than its origin permits.
 */
export function scenarioOf(
  task: CellTask,
  { kernelProblem, trust }: Pick<CellRunnerOptions, 'kernelProblem' | 'trust'>,
): Scenario {
  const { cell, text, cmdlines, guestState, timeout, memory } = task;
  const file = fileOf(cell.scenario);
  const rule = ruleOfTask(task, file, { trust });
  if (rule !== null) refuseTask(task, rule, file);
  const scenario = parseScenario(text, file, {
    kernels: cell.kernels,
    kernelProblem,
    rule,
    ...(timeout === null ? {} : { timeout }),
  });
  // The queue admitted a machine of this size.
  if (scenario.machine.memory !== memory)
    throw new UsageError(`the cell says ${memory} bytes of memory, its scenario ${scenario.machine.memory}`);
  return {
    ...pinGuests(scenario, guestState),
    cmdlines,
    expect: { outcome: cell.expected.outcome, endsIn: cell.expected.endsIn },
  };
}

/** A job off a queue brings its own text. Files of this host lie beside it only if the lab ships its scenario. */
function ruleOfTask({ origin }: CellTask, file: string, { trust }: TrustOption): HostRule | null {
  if (origin === 'here') return ruleFor(file, { trust });
  if (origin === 'signed' && trust) return null;
  return ruleWithin(shipsWithLab(file) ? dirname(file) : null);
}

/** Refuses what a task says beside its scenario. */
function refuseTask({ cell, cmdlines, origin }: CellTask, rule: HostRule, file: string): void {
  if (origin === 'here') return;
  const refusals = cell.kernels.flatMap((name) => rule.refusal({ kind: 'kernel', name }) ?? []);
  if (cmdlines.length !== cell.kernels.length || cmdlines.some((line) => Buffer.byteLength(line) > MAX_CMDLINE))
    refusals.push({ message: `the job has no usable command line for each of its kernels`, hint: null });
  if (refusals.length > 0) throw new ScenarioError(refusals.map((each) => ({ file, line: 0, column: 0, ...each })));
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
