// SPDX-License-Identifier: Apache-2.0
// What an update will end in, told from the two images alone, before anything is booted.
import type { Mismatch } from './component.js';
import type { EndsIn, Outcome } from './outcome.js';

export interface Prediction {
  outcome: Outcome;
  endsIn: EndsIn;
  /** Function of the next kernel that decides; null where none does: all is well, or the update is never begun. */
  where: string | null;
  /** Every component on which the two do not meet, in the order in which the next kernel reads them. */
  mismatches: Mismatch[];
  /** Sentences; the first one names what decides. */
  reasons: string[];
}
