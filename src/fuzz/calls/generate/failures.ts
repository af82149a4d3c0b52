// SPDX-License-Identifier: Apache-2.0
// Allocations that fail. The call is made again, so the answers and the end stay as they are: what a failed call has
// left behind shows as another answer, or as another end.
import type { Operation } from '../operation.js';
import type { Draw } from './draw.js';

/**
 * Calls that can be made again after ENOMEM. Not `retrieve` of a file: the kernel keeps its first answer
 * (luo_retrieve_file() in luo_file.c).
 */
const AGAIN: ReadonlySet<Operation['op']> = new Set<Operation['op']>(['create', 'preserve', 'retrieve-session']);
/** One call of this many. */
const SHARE = 3;
/** `create` makes 3 allocations, `preserve` 11 (7.3.4); a file of many folios more. */
const RANGES = [4, 12, 24] as const;

export function withFailures(operations: readonly Operation[], draw: Draw): Operation[] {
  return operations.map((operation) => {
    if (!AGAIN.has(operation.op) || operation.during !== undefined || !draw.once(SHARE)) return operation;
    return { ...operation, fail: 1 + draw.below(draw.from(RANGES)) };
  });
}
