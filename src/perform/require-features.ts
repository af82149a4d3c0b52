// SPDX-License-Identifier: Apache-2.0
import type { Scenario } from '../model/scenario/scenario.js';
import type { MissingFeature } from '../run/index.js';
import { ScenarioError } from '../scenario/index.js';

/** Throws a ScenarioError if the host, QEMU or a kernel lacks a feature: the scenario cannot run, so nothing starts. */
export function requireFeatures(missing: readonly MissingFeature[], { source }: Scenario): void {
  if (missing.length > 0)
    throw new ScenarioError(
      missing.map(({ pos, message, hint }) => ({ ...pos, message, hint })),
      source,
    );
}
