// SPDX-License-Identifier: Apache-2.0
// What a cell must end in: the baseline's word, else the scenario's on its own kernels, else what the images foretell.
import { predictScenario } from '../compat/index.js';
import type { KernelImage } from '../model/kernel/image.js';
import type { CellExpectation } from '../model/result/matrix.js';
import type { Plan } from '../model/scenario/plan.js';
import type { Scenario } from '../model/scenario/scenario.js';
import type { Baseline } from './baseline.js';
import { entryOf } from './baseline.js';
import type { PlannedPair } from './expand.js';

export function expectationOf(
  { path, scenario, own }: PlannedPair,
  plan: Pick<Plan, 'expect'>,
  kernels: readonly KernelImage[],
  baseline: Baseline,
): CellExpectation {
  const known = entryOf(baseline, { scenario: path, kernels: scenario.kernels });
  if (known !== null) return { ...known, source: 'baseline' };
  const said: CellExpectation = { ...scenario.expect, source: 'scenario' };
  if (plan.expect === 'scenario' || (plan.expect === 'auto' && own)) return said;
  const predicted = predictScenario(scenario, kernels);
  // Damage from outside is no part of a prediction: where the images alone would let the update go well, it is the
  // damage that decides.
  if (predicted === null || (predicted.outcome === 'preserved' && isDamaged(scenario))) return said;
  return { outcome: predicted.outcome, endsIn: predicted.endsIn, source: 'prediction' };
}

function isDamaged({ steps }: Scenario): boolean {
  return steps.some(({ op }) => op === 'fault');
}
