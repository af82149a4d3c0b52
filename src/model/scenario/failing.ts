// SPDX-License-Identifier: Apache-2.0
// A call of which one allocation fails.

/** Operations that are one call of a client, in which an allocation can fail. */
export const FAILING_STEPS = [
  'create',
  'memfd',
  'object',
  'preserve',
  'retrieve-session',
  'retrieve',
  'finish',
  'close',
] as const;
export type FailingStep = (typeof FAILING_STEPS)[number];

export interface Failing {
  step: FailingStep;
  /** Which of these steps, from 1. */
  which: number;
  /** Which of its allocations, from 1. */
  nth: number;
}

/** Whether the step at `index` is the one that is meant. */
export function isFailing(
  { step, which }: Omit<Failing, 'nth'>,
  steps: readonly { op: string }[],
  index: number,
): boolean {
  return steps[index]?.op === step && steps.slice(0, index + 1).filter(({ op }) => op === step).length === which;
}
