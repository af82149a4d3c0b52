// SPDX-License-Identifier: Apache-2.0
// How one operation of the run ended.
import type { Operation } from '../engine/operation.js';

export interface StepResult {
  operation: Operation;
  /** `skipped`: an earlier failure left nothing to act on, or the run ended before. */
  state: 'done' | 'failed' | 'skipped';
  errno: string | null;
  at: string | null;
  ms: number;
  /** The scenario demanded an errno and this is not it. */
  unexpected: boolean;
}
