// SPDX-License-Identifier: Apache-2.0
// What an update will end in, told from the two images alone, before anything is booted.
import type { Mismatch } from '../kernel/component.js';
import type { EndsIn, Outcome } from './outcome.js';

export interface Prediction {
  outcome: Outcome;
  endsIn: EndsIn;
  /** Function of the next kernel that decides; null where none does: all is well, or the update is never begun. */
  where: string | null;
  /**
   * What decides: a component of the handover, `scratch`, `memory`; null where all is well, or the scenario itself
   * decides.
   */
  component: string | null;
  /**
   * Texts, one of which the run must show if it ends so for this reason; empty where the component itself must be named
   * as a mismatch, or nothing is said.
   */
  signs: string[];
  /** Every component on which the two do not meet, in the order in which the next kernel reads them. */
  mismatches: Mismatch[];
  /** Sentences; the first one names what decides. */
  reasons: string[];
}

/** A prediction beside what came of it. */
export interface PredictionOfResult extends Prediction {
  /**
   * The run ended so, and for this reason: outcome, ending and component are those that were foretold. Null in results
   * that older labs wrote.
   */
  hit: boolean | null;
}
