// SPDX-License-Identifier: Apache-2.0
// The exit status is a contract: 0 every outcome is as expected; 1 one is not; 2 wrong usage or a bad scenario; 3
// infra.
import type { Result } from '../../model/result/result.js';

export const EXIT_USAGE = 2;
export const EXIT_INFRA = 3;

export function exitCodeOf(results: readonly Result[]): number {
  if (results.some(({ asExpected, outcome }) => !asExpected && outcome !== 'infra')) return 1;
  return results.some(({ outcome }) => outcome === 'infra') ? EXIT_INFRA : 0;
}
