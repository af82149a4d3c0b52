// SPDX-License-Identifier: Apache-2.0
import type { Coverage } from '../model/result/coverage.js';
import type { Execution } from './input.js';

/** Starts of blocks by epoch, of the kernels that showed any. */
export function blocksOf({ epochs }: Coverage): Execution['blocks'] {
  return new Map(epochs.map(({ epoch, blocks }) => [epoch, new Set(blocks.map(([start]) => start))]));
}
