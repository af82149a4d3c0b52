// SPDX-License-Identifier: Apache-2.0
// What the engine executes. The steps of a scenario become operations once, when the run starts. The lab adds
// operations of its own (in a recovery, for example); these have no place in the scenario.
import type { During } from '../../model/scenario/client.js';
import type { Action, Step } from '../../model/scenario/scenario.js';
import type { SourcePos } from '../../model/scenario/source-pos.js';

/** The result that the scenario demands: one errno ('OK' for success), one of several, or any. */
export interface Demand {
  errno: string | null;
  accepts?: string[];
}

export type Operation = Action &
  Demand & {
    /** The kernel that executes it. */
    epoch: number;
    /** Counts from 0 over the whole run. */
    index: number;
    /** The client that executes it; by default the first one. */
    by?: string;
    /** A call during the kexec may or may not be answered. */
    during?: During;
    /** This allocation of the call fails, counted from 1. */
    fail?: number;
    /** Its place in the scenario; null if the lab added it. */
    origin: SourcePos | null;
  };

export function operationsOf(steps: readonly Step[]): Operation[] {
  return steps.map(({ pos, ...step }, index) => ({ ...step, index, origin: pos }));
}

/** Operations that the lab adds, numbered from `first` on. */
export function ownOperations(actions: readonly Action[], at: { epoch: number; first: number }): Operation[] {
  return actions.map((action, i) => ({ ...action, epoch: at.epoch, index: at.first + i, errno: null, origin: null }));
}
