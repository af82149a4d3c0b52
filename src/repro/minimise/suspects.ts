// SPDX-License-Identifier: Apache-2.0
// A first guess at the required sessions: those that faults name, and those that did not come back intact. The guess is
// tried like any other candidate.
import { type Data, textsIn } from './data.js';

/** The scenario with only the suspect sessions; null if those are none or all. */
export function onlySuspects(data: Data, suspects: readonly string[]): Data | null {
  if (!Array.isArray(data['sessions'])) return null;
  const sessions = data['sessions'] as Data[];
  const words = new Set(
    [...suspects, ...textsIn([data['faults'] ?? [], data['devices'] ?? []])]
      .flatMap((text) => [text, ...text.split(/[[\]]/)])
      .flatMap((text) => [text, text.split('/')[0] as string]),
  );
  const kept = sessions.filter((session) => words.has(String(session['name'])));
  return kept.length === 0 || kept.length === sessions.length ? null : { ...data, sessions: kept };
}
