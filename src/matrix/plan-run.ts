// SPDX-License-Identifier: Apache-2.0
// A plan made ready: its scenarios on their kernels, pinned to its profile, and its identity.
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

/** Plan and scenarios, not the kernels: those have their own hashes in each result. */
export function planSha256(plan: Plan, profile: Profile | null, pairs: readonly PlannedPair[]): string {
  const texts = new Map(pairs.map(({ path, scenario }) => [path, scenario.source]));
  const pins = profile?.pins ?? null;
  return createHash('sha256')
    .update(JSON.stringify([plan.source, pins, [...texts].sort(([a], [b]) => (a < b ? -1 : 1))]))
    .digest('hex');
}

/** Every kernel's command line, and every guest, says what the profile pins. */
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

/** Gives a cell everything that who runs it must know. Throws for a cell that is not of the plan. */
export function taskMaker(
  matrix: Matrix,
  plan: Plan,
  profile: Profile | null,
  pairs: readonly PlannedPair[],
): (cell: Cell, attempt: number) => CellTask {
  const scenarios = new Map(
    pairs.map(({ path, scenario }) => [pairKey({ scenario: path, kernels: scenario.kernels }), scenario]),
  );
  const guestState = profile === null ? null : pinnedState(profile.pins);
  return (cell, attempt) => {
    const scenario = scenarios.get(pairKey(cell));
    if (scenario === undefined) throw new LabError(`cell ${cell.id} is not of the plan ${plan.name}`);
    return {
      matrix: matrix.id,
      cell,
      attempt,
      text: scenario.source,
      cmdlines: scenario.cmdlines,
      guestState,
      timeout: plan.limits.timeout,
      memory: scenario.machine.memory,
    };
  };
}

/** Throws a UsageError where a matrix cannot go on as this plan, with why. */
export function checkResumable(matrix: Matrix, sha256: string, labVersion: string): void {
  const anew = 'without --resume a new matrix begins';
  if (matrix.planSha256 !== sha256)
    throw new UsageError(`${matrix.id} was begun with another plan or other scenarios: they have changed since`, {
      hint: anew,
    });
  if (matrix.labVersion !== labVersion)
    throw new UsageError(`${matrix.id} was begun by lab ${matrix.labVersion}; this is ${labVersion}`, { hint: anew });
}
