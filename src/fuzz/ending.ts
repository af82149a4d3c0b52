// SPDX-License-Identifier: Apache-2.0
import type { RunRecord } from '../run/index.js';
import type { Ending } from './input.js';

/** How a run of this process ended. */
export function endingOf({ verdict: { outcome, cause }, incidents }: RunRecord): Ending {
  return { outcome, cause, incidents };
}
