// SPDX-License-Identifier: Apache-2.0
// A ladder that was found in the store and checked. It stays in the store until it is released.
import { join } from 'node:path';
import { reaches, type Rung } from '../../model/result/snapshot.js';
import type { Lock } from '../../util/process/lock.js';
import type { Manifest, SavedFile, SavedRung } from '../manifest.js';

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

/** The last saved rung at `upTo` or before it; null if there is none. */
export function lastRung({ rungs }: Manifest, upTo: Rung): SavedRung | null {
  return rungs
    .filter(({ rung }) => reaches(upTo, rung))
    .reduce<SavedRung | null>((last, saved) => (last === null || reaches(saved.rung, last.rung) ? saved : last), null);
}
