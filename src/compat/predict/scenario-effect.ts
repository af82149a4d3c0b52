// SPDX-License-Identifier: Apache-2.0
// What a scenario itself does to an update that both kernels could complete.
import type { Outcome } from '../../model/result/outcome.js';

export interface ScenarioEffect {
  outcome: Outcome;
  reason: string;
}
