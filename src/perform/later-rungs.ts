// SPDX-License-Identifier: Apache-2.0
// A ladder of a run with faults ends at the jump. If a run wants a later rung, a run without the faults comes first and
// saves them all. If that does not get there, the ladder says so, and nobody tries again for a day.
import { reaches, type Rung } from '../model/result/snapshot.js';
import { type Found, type Ladder, markStuck, stuckReason } from '../snapshot/index.js';
import type { Climb } from './climb.js';

export interface LaterRungs {
  /** The last rung that the run could start from. */
  upTo: Rung;
  find: () => Promise<Found>;
  /** Saves the later rungs. */
  climb: () => Promise<Climb>;
  /** Says why no rung of the next kernel could be saved. */
  onStuck: (why: string) => void;
}

/** Finds a ladder, with the rungs of the next kernel if the run wants one and they can be saved. */
export async function findWithLaterRungs({ upTo, find, climb, onStuck }: LaterRungs): Promise<Found> {
  const found = await find();
  if (found.state !== 'found' || !lacks(found.ladder, upTo) || stuckReason(found.ladder.dir) !== null) return found;
  found.ladder.release();
  const { state, why } = await climb();
  const then = await find();
  if (state !== 'untried' && then.state === 'found' && lacks(then.ladder, upTo)) {
    markStuck(then.ladder.dir, why);
    onStuck(`${why}; runs start at ${then.ladder.rung}, and in a day one tries again`);
  }
  return then;
}

function lacks({ manifest }: Ladder, upTo: Rung): boolean {
  return reaches(upTo, 'kho') && manifest.rungs.every(({ rung }) => !reaches(rung, 'kho'));
}
