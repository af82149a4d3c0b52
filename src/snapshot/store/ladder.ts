// SPDX-License-Identifier: Apache-2.0
// A ladder that was found in the store and checked. It stays in the store until it is released.
import { join } from 'node:path';
import { reaches, type Rung } from '../../model/result/snapshot.js';
import type { Lock } from '../../util/process/lock.js';
import type { Manifest, SavedFile, SavedRung } from '../manifest.js';
import { PASSED } from '../passed.js';

export class Ladder implements Disposable {
  /**
   * Creates the ladder.
   * @param saved the rung whose files were checked
   * @param lock keeps it from being removed for room
   */
  constructor(
    readonly dir: string,
    readonly manifest: Manifest,
    readonly saved: SavedRung,
    private readonly lock: Lock,
  ) {}

  get rung(): Rung {
    return this.saved.rung;
  }

  path({ file }: Pick<SavedFile, 'file'>): string {
    return join(this.dir, file);
  }

  release(): void {
    this.lock.release();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** What a run looks for. */
export interface Wanted {
  /** The last rung from which it can start. */
  upTo: Rung;
  /** What it has the next kernel do before the first file (`operationsBeforeFiles`); null if that is not replayed. */
  operations?: string | null;
}

/** The last saved rung of use, with all that a run passes before it; null if there is none. */
export function lastRung(manifest: Manifest, { upTo, operations = null }: Wanted): SavedRung | null {
  return manifest.rungs
    .filter(({ rung }) => reaches(upTo, rung) && passedRungs(manifest, rung) !== null)
    .filter((saved) => saved.rung !== 'retrieve' || (operations !== null && saved.operations === operations))
    .reduce<SavedRung | null>((last, saved) => (last === null || reaches(saved.rung, last.rung) ? saved : last), null);
}

/** What a run that starts at this rung passes before; null if some of it was not saved. */
export function passedRungs({ rungs }: Manifest, rung: Rung): SavedRung[] | null {
  const passed = PASSED[rung].map((name) => rungs.find((saved) => saved.rung === name));
  return passed.includes(undefined) ? null : passed.filter((saved) => saved !== undefined);
}
