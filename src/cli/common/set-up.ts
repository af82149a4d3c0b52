// SPDX-License-Identifier: Apache-2.0
// Shows the stages that fetch and build what a command needs. Interrupted in the middle of them, it says that what is
// in the cache stays.
import { runStages, type Stage } from '../../report/live/progress.js';
import { keepsCache } from './interrupt.js';

export async function runSetUp(stages: readonly Stage[]): Promise<void> {
  const forget = keepsCache();
  await runStages(stages, process.stderr);
  forget();
}
