// SPDX-License-Identifier: Apache-2.0
// Splits the operations of one kernel after each kexec. A kernel has more than one attempt if the scenario declares
// that a kexec fails, and goes on in the same kernel.
import { declaresFailure } from '../agent/reply.js';
import { isLate } from '../steps/run-steps.js';
import type { Operation } from './operation.js';

export type KexecOperation = Extract<Operation, { op: 'kexec' }>;
export type FaultOperation = Extract<Operation, { op: 'fault' }>;

export interface PlannedAttempt {
  /** Everything up to and including the kexec; the last attempt may have none. */
  operations: Operation[];
  kexec: KexecOperation | null;
  /** Faults to inject as soon as the old kernel has started the kexec. */
  jumpFaults: FaultOperation[];
  /** Transfers that must be in flight then, and calls that race the kexec. */
  late: Operation[];
}

/** An attempt with a kexec. */
export type UpdateAttempt = Pick<PlannedAttempt, 'jumpFaults' | 'late'> & { kexec: KexecOperation };

/** Returns at least one attempt, even if the kernel has nothing to do. */
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

/** The scenario declares that this kexec fails with `errno`: the steps after it are for the old kernel. */
export function isDeclared(kexec: KexecOperation, errno: string | null): boolean {
  return declaresFailure(kexec, errno);
}
