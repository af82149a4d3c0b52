// SPDX-License-Identifier: Apache-2.0
// Decides one outcome from the evidence. OUTCOMES gives the precedence; all other evidence stays listed as incidents.
import { type Incident, KMEMLEAK_COUNT } from '../model/result/incident.js';
import { ENDS_IN, OUTCOMES, type EndsIn, type Outcome } from '../model/result/outcome.js';

export interface Verdict {
  outcome: Outcome;
  endsIn: EndsIn;
  /**
   * The deciding evidence: the first incident that implies the outcome, messages of a kernel first. Null for
   * `preserved`.
   */
  cause: Incident | null;
}

/** Good outcomes need witnesses, and a failure of the lab takes them away. */
export function isGood(outcome: Outcome): boolean {
  return outcome === 'preserved' || outcome === 'refused';
}

export function decide(incidents: readonly Incident[]): Verdict {
  // What a kernel did before the lab failed counts. The lab may have caused what came after.
  const failure = incidents.findIndex(({ implies }) => implies === 'infra');
  if (failure >= 0) {
    const before = first(incidents.slice(0, failure));
    return isGood(before.outcome) ? verdictOf('infra', incidents[failure] as Incident) : before;
  }
  return first(incidents);
}

function first(incidents: readonly Incident[]): Verdict {
  for (const outcome of OUTCOMES) {
    const evidence = incidents.filter(({ implies }) => implies === outcome);
    // Of equal evidence, a kernel's own message tells most: an oops beats "the machine reported a panic", whichever
    // came first.
    const telling = evidence.filter(({ title }) => title !== KMEMLEAK_COUNT);
    const cause = telling.find(({ source }) => source === 'console') ?? telling[0] ?? evidence[0];
    if (cause !== undefined) return verdictOf(outcome, cause);
  }
  return verdictOf('preserved', null);
}

function verdictOf(outcome: Outcome, cause: Incident | null): Verdict {
  return { outcome, endsIn: ENDS_IN[outcome], cause };
}
