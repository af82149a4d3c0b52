// SPDX-License-Identifier: Apache-2.0
// The predicted outcome of an update, from the two images alone, before anything boots.
import type { Mismatch } from '../kernel/component.js';
import type { EndsIn, Outcome } from './outcome.js';

export interface Prediction {
  outcome: Outcome;
  endsIn: EndsIn;
  /** The function in the next kernel that decides; null if the update succeeds or never starts. */
  where: string | null;
  /** What decides: a component of the handover, `scratch` or `memory`; null if it succeeds or the scenario decides. */
  component: string | null;
  /**
   * A run that ends like this for this reason shows one of these texts. Empty if it must name the component as a
   * mismatch instead, or if there is no message.
   */
  signs: string[];
  /** All mismatches, in the order in which the next kernel reads the components. */
  mismatches: Mismatch[];
  /** Sentences; the first one names the deciding reason. */
  reasons: string[];
}

/** A prediction, and whether it was right. */
export interface PredictionOfResult extends Prediction {
  /** The run had the predicted outcome, ending and component. Null in results of older labs. */
  hit: boolean | null;
}
