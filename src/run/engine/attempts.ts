// SPDX-License-Identifier: Apache-2.0
// The steps of one kernel, cut after each kexec: an attempt that the scenario declares to fail is followed by what it
// does before the next.
import type { Step } from '../../model/scenario/scenario.js';
import { isLate, type IndexedStep } from '../steps/run-steps.js';
import { declaresFailure } from '../agent/reply.js';

export interface PlannedAttempt {
  /** What leads to the kexec, and the kexec itself. Of the last, what the kernel does where no kexec follows. */
  steps: IndexedStep[];
  kexec: IndexedStep | null;
  /** Faults that strike as soon as the old kernel has begun the kexec. */
  jumpFaults: Step[];
  /** DMA that is to be in flight then. */
  transfers: IndexedStep[];
}

/** At least one, even where a kernel has nothing to do. */
export function attemptsOf(steps: readonly IndexedStep[]): PlannedAttempt[] {
  const attempts: PlannedAttempt[] = [];
  for (let first = 0; first < steps.length || attempts.length === 0;) {
    const at = steps.findIndex(({ step }, index) => index >= first && step.op === 'kexec');
    const end = at < 0 ? steps.length : at + 1;
    const own = steps.slice(first, end);
    attempts.push({
      steps: own,
      kexec: at < 0 ? null : (steps[at] ?? null),
      jumpFaults: own.map(({ step }) => step).filter((step) => step.op === 'fault' && step.at === 'jump'),
      transfers: own.filter(({ step: each }, index) => each.during === 'kexec' || isLate(own, index)),
    });
    first = end;
    if (end === steps.length) break;
  }
  return attempts;
}

/** The scenario says that this kexec fails so: what follows it is meant for the old kernel. */
export function isDeclared({ step }: IndexedStep, errno: string | null): boolean {
  return declaresFailure(step, errno);
}
