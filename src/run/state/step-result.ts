// SPDX-License-Identifier: Apache-2.0
// The result of one operation.
import type { Operation } from '../engine/operation.js';

export interface StepResult {
  operation: Operation;
  /** `skipped`: there was nothing to act on after an earlier failure, or the run ended first. */
  state: 'done' | 'failed' | 'skipped';
  errno: string | null;
  at: string | null;
  ms: number;
  /** The scenario demanded another errno. */
  unexpected: boolean;
}
