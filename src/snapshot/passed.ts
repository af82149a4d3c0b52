// SPDX-License-Identifier: Apache-2.0
// Rungs that a run passes before the one at which its machine stands. It reads what the machine held there.
import type { Rung } from '../model/result/snapshot.js';

/** At `open` the run looks at the machine before it turns to an agent; at `kho` and `luo` it only waits. */
export const PASSED: Readonly<Record<Rung, readonly Rung[]>> = {
  booted: [],
  jump: [],
  kho: ['jump'],
  luo: ['jump'],
  open: ['jump'],
  retrieve: ['jump', 'open'],
};
