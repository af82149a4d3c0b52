// SPDX-License-Identifier: Apache-2.0
// What the engine carries out. A scenario's steps become operations once, when the run begins; the lab's own operations
// (a recovery, for example) are made as such and have no place in the scenario.
import type { Action, Step } from '../../model/scenario/scenario.js';
import type { SourcePos } from '../../model/scenario/source-pos.js';

/** Which answer is demanded: one errno ('OK' for success), one of several, or none in particular. */
export interface Demand {
  errno: string | null;
  accepts?: string[];
}

export type Operation = Action &
  Demand & {
    /** The kernel that carries it out. */
    epoch: number;
    /** Counts from 0 over the whole run. */
    index: number;
    /** The client that carries it out; by default the first one. */
    by?: string;
    /** `kexec`: it is sent together with the reboot call, and its result is open. */
    during?: 'kexec';
    /** Where the scenario asks for it; null: the lab does it on its own. */
    origin: SourcePos | null;
  };

export function operationsOf(steps: readonly Step[]): Operation[] {
  return steps.map(({ pos, ...step }, index) => ({ ...step, index, origin: pos }));
}

/** Operations of the lab itself, from `first` on. */
export function ownOperations(actions: readonly Action[], at: { epoch: number; first: number }): Operation[] {
  return actions.map((action, i) => ({ ...action, epoch: at.epoch, index: at.first + i, errno: null, origin: null }));
}
