// SPDX-License-Identifier: Apache-2.0
// A ladder from which one process starts many runs: its files are opened and read once. Before each run the stamps of
// its files show whether somebody has written to them.
import { readFileSync } from 'node:fs';
import type { RunParts } from '../../run/index.js';
import { fileStamp } from '../digest.js';
import type { Ladder } from '../store/ladder.js';
import { passedRungs } from '../store/ladder.js';
import { type LadderContents, readContents, resumeContents } from './from-ladder.js';
import { type Resuming, Unusable } from './resuming.js';
import { openStages, type OpenStages } from './stages.js';

export class HeldLadder implements Disposable {
  private readonly stages: OpenStages;
  private readonly contents: LadderContents;
  private readonly state: Buffer;
  private readonly stamps: ReadonlyMap<string, string>;

  /**
   * Opens a ladder that was checked just now, and owns it from then on. Throws what `openStages` and `readContents`
   * throw.
   */
  constructor(readonly ladder: Ladder) {
    const { manifest, saved } = ladder;
    using opened = new DisposableStack();
    opened.use(ladder);
    this.stages = opened.use(openStages(ladder));
    const mapped = [saved, ...(passedRungs(manifest, saved.rung) ?? [])].map(({ ram }) => ladder.path(ram));
    this.stamps = new Map(mapped.map((path) => [path, fileStamp(path)]));
    this.contents = readContents(ladder);
    this.state = readFileSync(ladder.path(saved.state));
    opened.move();
  }

  /** Throws an Unusable if a file of the ladder was written to. */
  resuming({ base, signal }: { base: RunParts; signal: AbortSignal }): Resuming {
    for (const [path, stamp] of this.stamps)
      if (fileStamp(path) !== stamp) throw new Unusable(`${path} was written to while runs started from it`);
    const { ladder, contents, state } = this;
    return resumeContents(ladder, contents, { stages: this.stages, base, signal, readState: async () => state });
  }

  [Symbol.dispose](): void {
    this.stages[Symbol.dispose]();
    this.ladder.release();
  }
}
