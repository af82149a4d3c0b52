// SPDX-License-Identifier: Apache-2.0
// The last rung before a scenario differs from the same one without its faults.
import type { Action, Step } from '../../model/scenario/scenario.js';
import { earliest, isLeftAlone, type LastRung, lastRungOfFault, type Reader } from './last-rung.js';

export interface Pair {
  /** The kernel that hands over. */
  from: Pick<Reader, 'release' | 'stock'>;
  to: Reader;
}

export type FaultStep = Step & Extract<Action, { op: 'fault' }>;

/** A fault of the first kernel that can be injected when the machine has already stopped at the jump. */
export function canWaitForJump(step: FaultStep, from: Pair['from']): boolean {
  return step.epoch === 0 && (step.at === 'jump' || isLeftAlone(step.fault, from));
}

/**
 * Without a fault it is the jump: the next kernel is what such a scenario is about, so all of it runs. A fault that
 * cannot wait for the jump comes soon after the first boot, and one in the next kernel after its boot. All faults of
 * the first kernel are injected at one rung: the earliest of all.
 */
export function lastRungOf(steps: readonly Step[], pair: Pair): LastRung {
  const [first, ...others] = steps.filter((step): step is FaultStep => step.op === 'fault');
  if (first === undefined) return { rung: 'jump', why: 'all of the next kernel runs' };
  return others.map((step) => lastRungOfStep(step, pair)).reduce(earliest, lastRungOfStep(first, pair));
}

function lastRungOfStep(step: FaultStep, { from, to }: Pair): LastRung {
  if (step.epoch > 0) return { rung: 'open', why: `fault ${step.fault.kind} comes after that` };
  if (!canWaitForJump(step, from)) return { rung: 'booted', why: `fault ${step.fault.kind} comes before the jump` };
  return lastRungOfFault(step.fault, to);
}
