// SPDX-License-Identifier: Apache-2.0
// A sample of the cells that ran from a snapshot also runs cold, so that a night shows whether snapshots can be
// trusted.
import { createHash } from 'node:crypto';
import type { Attempt, Matrix } from '../model/result/matrix.js';

/**
 * Returns a function that tells whether a cell is in the sample. Each night has another sample; it stays the same when
 * the night continues after an interruption.
 * @param share of all cells, from 0 to 1
 */
export function coldSample({ id }: Pick<Matrix, 'id'>, share: number): (cell: { id: string }) => boolean {
  return (cell) => {
    const hash = createHash('sha256').update(`${id} ${cell.id}`).digest();
    return hash.readUInt32BE(0) < share * 2 ** 32;
  };
}

/** A cold run without a verdict shows nothing. */
export function differs(warm: Attempt, cold: Attempt): boolean {
  return cold.outcome !== 'infra' && (warm.outcome !== cold.outcome || warm.endsIn !== cold.endsIn);
}

/** The attempt that takes the verdict away from a cell whose two runs differ. */
export function disagreement(warm: Attempt, cold: Attempt): Attempt {
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
