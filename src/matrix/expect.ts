// SPDX-License-Identifier: Apache-2.0
// The expected outcome of a cell: that of the baseline, else that of the scenario on its own kernels, else the
// prediction from the images.
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
  const stated: CellExpectation = { ...scenario.expect, source: 'scenario' };
  if (plan.expect === 'scenario' || (plan.expect === 'auto' && own)) return stated;
  const predicted = predictScenario(scenario, kernels);
  // A prediction does not cover damage from outside. If the update would succeed without it, the damage decides.
  if (predicted === null || (predicted.outcome === 'preserved' && isDamaged(scenario))) return stated;
  return { outcome: predicted.outcome, endsIn: predicted.endsIn, source: 'prediction' };
}

function isDamaged({ steps }: Scenario): boolean {
  return steps.some(({ op }) => op === 'fault');
}
