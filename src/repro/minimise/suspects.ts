// SPDX-License-Identifier: Apache-2.0
// A first guess at what matters: what faults name, and what did not come back whole. Only a guess: it is tried like
// anything else.
import { type Data, textsIn } from './data.js';

/** The scenario with no sessions but those under suspicion; null where that is none or all. */
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
