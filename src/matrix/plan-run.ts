// SPDX-License-Identifier: Apache-2.0
// Prepares a plan: pins its scenarios to its profile, and computes its identity.
import { createHash } from 'node:crypto';
import { pinGuests, pinnedCmdline, pinnedState, withCmdline } from '../compat/index.js';
import type { KernelImage } from '../model/kernel/image.js';
import type { Cell, Matrix } from '../model/result/matrix.js';
import type { Plan } from '../model/scenario/plan.js';
import type { Profile } from '../model/scenario/profile.js';
import type { Scenario } from '../model/scenario/scenario.js';
import { runId } from '../store/run/run-folder.js';
import { pairKey } from '../store/matrix/pair-results.js';
import { LabError, UsageError } from '../util/errors.js';
import type { Baseline } from './baseline.js';
import { cellsOf, type PlannedPair } from './expand.js';
import { expectationOf } from './expect.js';
import type { CellTask } from './queue.js';
import { labPath } from './select.js';

/**
 * A hash of plan and scenarios. Kernels are not part of it: each result has their hashes.
 * @param hunt text of the plan of a hunt; null without one
 */
export function planSha256(
  plan: Plan,
  profile: Profile | null,
  pairs: readonly PlannedPair[],
  hunt: string | null = null,
): string {
  const texts = new Map(pairs.map(({ path, scenario }) => [path, scenario.source]));
  const pins = profile?.pins ?? null;
  return createHash('sha256')
    .update(JSON.stringify([plan.source, pins, [...texts].sort(([a], [b]) => (a < b ? -1 : 1))]))
    .update(hunt ?? '')
    .digest('hex');
}

/** Puts the versions of the profile into every kernel command line and every guest. */
export function pinPairs(
  pairs: readonly PlannedPair[],
  profile: Profile | null,
  kernelsOf: (scenario: Scenario) => readonly KernelImage[],
): PlannedPair[] {
  if (profile === null) return [...pairs];
  return pairs.map((pair) => {
    const kernels = kernelsOf(pair.scenario);
    const cmdlines = pair.scenario.cmdlines.map((cmdline, epoch) =>
      `${cmdline} ${pinnedCmdline(withCmdline(kernels[epoch]?.versions ?? [], cmdline), profile.pins)}`.trim(),
    );
    return { ...pair, scenario: { ...pinGuests(pair.scenario, pinnedState(profile.pins)), cmdlines } };
  });
}

export interface NewMatrix {
  plan: Plan;
  sha256: string;
  pairs: readonly PlannedPair[];
  kernelsOf: (scenario: Scenario) => readonly KernelImage[];
  baseline: Baseline;
  labVersion: string;
}

export function newMatrix(
  { plan, sha256, pairs, kernelsOf, baseline, labVersion }: NewMatrix,
  now = new Date(),
): Matrix {
  return {
    schema: 1,
    id: runId(now, 'matrix', [plan.name]),
    plan: labPath(plan.file),
    planSha256: sha256,
    labVersion,
    startedAt: now.toISOString(),
    endedAt: null,
    cells: pairs.flatMap((pair) => cellsOf(pair, expectationOf(pair, plan, kernelsOf(pair.scenario), baseline))),
  };
}

export interface HowCellsRun extends Pick<CellTask, 'coverage'> {
  starts: ReadonlyMap<Scenario, CellTask['start']>;
}

/** Returns a function that makes the task of a cell. It throws for a cell that is not part of the plan. */
export function taskMaker(
  matrix: Matrix,
  plan: Plan,
  profile: Profile | null,
  pairs: readonly PlannedPair[],
  { starts, coverage }: HowCellsRun,
): (cell: Cell, attempt: number) => CellTask {
  const scenarios = new Map(
    pairs.map(({ path, scenario }) => [pairKey({ scenario: path, kernels: scenario.kernels }), scenario]),
  );
  const guestState = profile === null ? null : pinnedState(profile.pins);
  return (cell, attempt) => {
    const scenario = scenarios.get(pairKey(cell));
    if (scenario === undefined) throw new LabError(`cell ${cell.id} is not part of the plan ${plan.name}`);
    return {
      matrix: matrix.id,
      cell,
      attempt,
      text: scenario.source,
      cmdlines: scenario.cmdlines,
      guestState,
      timeout: plan.limits.timeout,
      memory: scenario.machine.memory,
      start: starts.get(scenario) ?? 'warm',
      coverage,
      origin: 'here',
    };
  };
}

/** Throws a UsageError with the reason if the matrix cannot continue with this plan. */
export function checkResumable(matrix: Matrix, sha256: string, labVersion: string): void {
  const hint = 'leave out --resume to start a new matrix';
  if (matrix.planSha256 !== sha256)
    throw new UsageError(`the plan or its scenarios have changed since ${matrix.id} was started`, { hint });
  if (matrix.labVersion !== labVersion)
    throw new UsageError(`${matrix.id} was started by lab ${matrix.labVersion}; this is ${labVersion}`, { hint });
}
