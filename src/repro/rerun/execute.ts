// SPDX-License-Identifier: Apache-2.0
// How one run of a scenario ended, for commands that run many.
import { z } from 'zod';
import type { Scenario } from '../../model/scenario/scenario.js';
import type { SnapshotUse } from '../../perform/start.js';
import { failureSchema } from './failure.js';

/** How one run ended. */
export const seenSchema = failureSchema.extend({
  /** Files and sessions that did not come back intact. */
  suspects: z.array(z.string()),
  /** The run ended as its scenario expects. */
  asExpected: z.boolean(),
});
export type Seen = z.infer<typeof seenSchema>;

/**
 * Runs a scenario once. Throws a ScenarioError or LabError if it cannot run, and the signal's reason after an abort.
 */
export type Execute = (scenario: Scenario, signal: AbortSignal, snapshots: SnapshotUse) => Promise<Seen>;
