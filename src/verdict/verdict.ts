// SPDX-License-Identifier: Apache-2.0
// Evidence to one outcome. The precedence is the order of OUTCOMES; everything that lost stays listed as an incident.
import type { Incident } from '../model/incident.js';
import { ENDS_IN, OUTCOMES, type EndsIn, type Outcome } from '../model/outcome.js';

export interface Verdict {
  outcome: Outcome;
  endsIn: EndsIn;
  /** The evidence that decided: the first incident that implies the outcome, a kernel's words before others'; null for `preserved`. */
  cause: Incident | null;
}

export function decide(incidents: readonly Incident[]): Verdict {
  for (const outcome of OUTCOMES) {
    const evidence = incidents.filter(({ implies }) => implies === outcome);
    // Of pieces that say the same, a kernel's own words tell most: an oops beats "the machine reported a panic", whichever came first.
    const cause = evidence.find(({ source }) => source === 'console') ?? evidence[0];
    if (cause !== undefined) return { outcome, endsIn: ENDS_IN[outcome], cause };
  }
  return { outcome: 'preserved', endsIn: ENDS_IN.preserved, cause: null };
}
