// SPDX-License-Identifier: Apache-2.0
// The operations of one kernel, cut after each kexec: an attempt that the scenario declares to fail is followed by what
// it does before the next.
import { declaresFailure } from '../agent/reply.js';
import { isLate } from '../steps/run-steps.js';
import type { Operation } from './operation.js';

export type KexecOperation = Extract<Operation, { op: 'kexec' }>;
export type FaultOperation = Extract<Operation, { op: 'fault' }>;

export interface PlannedAttempt {
  /** Everything up to the kexec, with it. Of the last attempt, what the kernel does where no kexec follows. */
  operations: Operation[];
  kexec: KexecOperation | null;
  /** Faults that are injected as soon as the old kernel has begun the kexec. */
  jumpFaults: FaultOperation[];
  /** Transfers that are to be in flight then, and calls that meet the kexec. */
  late: Operation[];
}

/** One that has a kexec. */
export type UpdateAttempt = Pick<PlannedAttempt, 'jumpFaults' | 'late'> & { kexec: KexecOperation };

/** At least one, even where a kernel has nothing to do. */
export function attemptsOf(operations: readonly Operation[]): PlannedAttempt[] {
  const attempts: PlannedAttempt[] = [];
  for (let first = 0; first < operations.length || attempts.length === 0;) {
    const at = operations.findIndex(({ op }, index) => index >= first && op === 'kexec');
    const end = at < 0 ? operations.length : at + 1;
    const own = operations.slice(first, end);
    attempts.push({
      operations: own,
      kexec: own.find((each) => each.op === 'kexec') ?? null,
      jumpFaults: own.filter((each) => each.op === 'fault').filter((each) => each.at === 'jump'),
      late: own.filter((each, index) => each.during === 'kexec' || isLate(own, index)),
    });
    first = end;
    if (end === operations.length) break;
  }
  return attempts;
}

/** The scenario says that this kexec fails so: what follows it is meant for the old kernel. */
export function isDeclared(kexec: KexecOperation, errno: string | null): boolean {
  return declaresFailure(kexec, errno);
}
