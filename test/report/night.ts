// SPDX-License-Identifier: Apache-2.0
// A night for tests of what is said of it.
import type { Attempt } from '../../src/model/result/matrix.js';
import { ENDS_IN, type Outcome } from '../../src/model/result/outcome.js';
import type { NightlyReport } from '../../src/store/matrix/nightly-report.js';
import { pairResultsOf } from '../../src/store/matrix/pair-results.js';
import { attemptOf, cellOf } from '../store/matrix/matrix.js';

/** The outcomes of each pair result's repeats, by scenario; null: not run. A title may follow a colon: `lost:T`. */
export function nightOf(
  pairResults: Readonly<Record<string, readonly (string | null)[]>>,
  kernels = ['7.2.12', '7.3.4'],
): NightlyReport {
  const cells = Object.entries(pairResults).flatMap(([name, repeats]) =>
    repeats.map((_, at) => cellOf(name, at + 1, kernels)),
  );
  const attempts = Object.entries(pairResults).flatMap(([name, repeats]) =>
    repeats.flatMap((word, at): Attempt[] => {
      if (word === null) return [];
      const [outcome = '', title] = word.split(/:(.*)/s);
      return [
        attemptOf(`${name}-${at + 1}`, {
          outcome: outcome as Outcome,
          endsIn: ENDS_IN[outcome as Outcome],
          asExpected: outcome === 'preserved',
          title: title ?? null,
        }),
      ];
    }),
  );
  return {
    id: 'm1',
    kind: 'matrix',
    plan: 'scenarios/matrix/quick.yaml',
    labVersion: '0.1.0',
    startedAt: '2026-11-22T00:00:00.000Z',
    endedAt: '2026-11-22T00:10:00.000Z',
    pairResults: pairResultsOf({ cells }, attempts),
    attempts,
    notes: [],
    newKernels: [],
    hunt: null,
  };
}

/** Everything that text from outside may try. */
export const EVIL =
  '</code></pre><script>alert(1)</script>"\'>' +
  '<img src=x onerror=alert(2)>]]>&amp;|`[x](javascript:alert(3))\x1b]0;owned\x07\u202e\u0000#\r\n';
