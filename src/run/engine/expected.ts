// SPDX-License-Identifier: Apache-2.0
// Whether a run ended as its scenario expects: outcome, ending, and the errno of every step.
import type { Scenario } from '../../model/scenario/scenario.js';
import type { Verdict } from '../../verdict/verdict.js';
import type { StepResult } from '../state/step-result.js';

export function cameAsExpected(
  { expect }: Pick<Scenario, 'expect'>,
  { outcome, endsIn }: Pick<Verdict, 'outcome' | 'endsIn'>,
  steps: readonly StepResult[],
): boolean {
  return (
    outcome === expect.outcome &&
    (expect.endsIn === null || endsIn === expect.endsIn) &&
    !steps.some(({ unexpected }) => unexpected)
  );
}
