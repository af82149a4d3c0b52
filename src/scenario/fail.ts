// SPDX-License-Identifier: Apache-2.0
// `fail: {step, nth}`: one allocation of one call fails, in the short form too.
import { type Failing, isFailing } from '../model/scenario/failing.js';
import type { Problems } from './source/problems.js';
import type { Draft } from './steps/step-list.js';

export function failAllocation(
  failing: Failing | undefined,
  drafts: readonly Draft[],
  problems: Problems,
): readonly Draft[] {
  if (failing === undefined || !problems.empty) return drafts;
  const steps = drafts.map((draft) => draft.step);
  const at = steps.findIndex((_, index) => isFailing(failing, steps, index));
  if (at >= 0)
    return drafts.map((draft, i) => (i === at ? { ...draft, step: { ...draft.step, fail: failing.nth } } : draft));
  const count = steps.filter(({ op }) => op === failing.step).length;
  problems.add(['fail'], `expected a step that the scenario has; ${failing.step} occurs ${count} times in it`);
  return drafts;
}
