// SPDX-License-Identifier: Apache-2.0
// What a scenario has the next kernel do before it retrieves the first file. Scenarios that differ in that share a
// ladder, but not its rung `retrieve`.
import { createHash } from 'node:crypto';
import type { Step } from '../model/scenario/scenario.js';
import { keyedOperations } from './key.js';

/** Their answers are all that becomes of them. */
const REPLAYED: ReadonlySet<Step['op']> = new Set(['open', 'create', 'retrieve-session', 'get-name']);

/** A digest; null if there is no such file, or something before it cannot be replayed. */
export function operationsBeforeFiles(steps: readonly Step[]): string | null {
  const next = steps.filter(({ epoch }) => epoch === 1);
  const first = next.findIndex(({ op }) => op === 'retrieve');
  const before = next.slice(0, Math.max(0, first + 1));
  // The agent that retrieves the file is the first one.
  if (first < 0 || before.some(({ by, during }) => by !== undefined || during !== undefined)) return null;
  if (!before.slice(0, first).every(({ op }) => REPLAYED.has(op))) return null;
  const operations = keyedOperations(before.slice(0, first));
  return createHash('sha256').update(JSON.stringify(operations)).digest('hex').slice(0, 16);
}
