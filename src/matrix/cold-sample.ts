// SPDX-License-Identifier: Apache-2.0
// A sample of the cells that ran from a snapshot also runs cold, so that a night shows whether snapshots can be
// trusted.
import { createHash } from 'node:crypto';
import type { Attempt, Matrix } from '../model/result/matrix.js';

/**
 * Returns a function that tells whether a cell that ran from a snapshot also runs cold: a sample of those that ended as
 * expected, and all others. Each night has another sample; it stays the same when the night continues after an
 * interruption.
 * @param share of all cells, from 0 to 1; with 0 no cell runs twice
 */
export function coldSample(
  { id }: Pick<Matrix, 'id'>,
  share: number,
): (cell: { id: string }, warm: Pick<Attempt, 'asExpected'>) => boolean {
  return (cell, { asExpected }) => {
    if (!asExpected) return share > 0;
    const hash = createHash('sha256').update(`${id} ${cell.id}`).digest();
    return hash.readUInt32BE(0) < share * 2 ** 32;
  };
}

/**
 * The attempts to keep after a cell ran again, cold. The last one gives the cell's outcome: none if the two differ, and
 * that of the first if the cold one has no verdict.
 */
export function afterColdRun(warm: Attempt, cold: Attempt): Attempt[] {
  if (cold.outcome === 'infra') return [cold, { ...warm, attempt: cold.attempt + 1 }];
  return warm.outcome === cold.outcome && warm.endsIn === cold.endsIn ? [cold] : [cold, disagreement(warm, cold)];
}

/** The attempt that takes the verdict away from a cell whose two runs differ. */
function disagreement(warm: Attempt, cold: Attempt): Attempt {
  return {
    ...cold,
    attempt: cold.attempt + 1,
    outcome: 'infra',
    endsIn: 'none',
    asExpected: false,
    title:
      `a run from a snapshot ended as ${warm.outcome}, the same run from a cold boot as ${cold.outcome}: ` +
      `${warm.run ?? 'no run'} and ${cold.run ?? 'no run'}`,
  };
}
