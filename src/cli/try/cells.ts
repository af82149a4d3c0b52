// SPDX-License-Identifier: Apache-2.0
// Runs scenarios on pairs of a series' kernels, with the engine of matrices.
import { expandPlan } from '../../matrix/expand.js';
import { NO_BASELINE } from '../../matrix/baseline.js';
import { newMatrix, planSha256 } from '../../matrix/plan-run.js';
import type { QueueKey } from '../../matrix/redis/seal/key.js';
import { selectScenarios } from '../../matrix/select.js';
import type { Cell, PairResult } from '../../model/result/matrix.js';
import type { Plan } from '../../model/scenario/plan.js';
import { Preparation } from '../../perform/prepare.js';
import { MatrixFolder } from '../../store/matrix/folder.js';
import { pairResultsOf } from '../../store/matrix/pair-results.js';
import { labIdentity } from '../common/version.js';
import { runSetUp } from '../common/set-up.js';
import { findMatrixOf } from '../matrix/last-matrix.js';
import { type CellOptions, runCells } from '../matrix/run-cells.js';
import { kernelProblem } from '../run/check-kernels.js';

export interface CellRun {
  options: CellOptions & { resume?: boolean };
  key: QueueKey;
  signal: AbortSignal;
}

/** A matrix of one plan, of which parts can run one after another. */
export interface OpenMatrix {
  results: () => PairResult[];
  run: (wanted: (cell: Cell) => boolean) => Promise<void>;
}

export async function openMatrix(plan: Plan, { options, key, signal }: CellRun): Promise<OpenMatrix> {
  const { pairs, leftOut } = expandPlan(plan, await selectScenarios(plan, kernelProblem, options), kernelProblem);
  const sha256 = planSha256(plan, null, pairs);
  const preparation = new Preparation({ accel: options.accel, signal });
  await runSetUp(preparation.stages(pairs.map(({ scenario }) => scenario)));
  const resumed = options.resume === true ? findMatrixOf(plan, options.results, sha256) : null;
  const kernelsOf = (scenario: { kernels: string[] }) => preparation.kernelsOf(scenario);
  const matrix =
    resumed ?? newMatrix({ plan, sha256, pairs, kernelsOf, baseline: NO_BASELINE, labVersion: labIdentity() });
  const folder =
    resumed === null ? MatrixFolder.create(options.results, matrix) : MatrixFolder.reopen(options.results, matrix.id);
  let results: PairResult[] = pairResultsOf(matrix, []);
  return {
    results: () => results,
    run: async (wanted) => {
      const only = matrix.cells.filter(wanted);
      const attempts = await runCells({
        key,
        matrix,
        plan,
        profile: null,
        pairs,
        folder,
        leftOut,
        only,
        options,
        signal,
      });
      results = pairResultsOf(matrix, attempts);
    },
  };
}
