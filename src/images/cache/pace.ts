// SPDX-License-Identifier: Apache-2.0
// How long a build will take: from the steps that make will print and the rate of this host, which is measured once the
// first seconds are over, and remembered for the next build.
import { z } from 'zod';
import { readJson } from '../../util/read-json.js';
import { writeJson } from './cache.js';
import type { Workspace } from '../context.js';

/** The rate of a build's first seconds says little: make reads its files, and few of its jobs run. */
const FIRST_MS = 20_000;
/** A build of fewer steps only adds to an earlier one, and has another rate. */
const MIN_STEPS = 300;

const paceSchema = z.object({ perSecond: z.number().positive() });

export class Pace {
  private readonly began = performance.now();
  private readonly memory: string;
  private readonly known: number | null;
  private told = false;
  private done = 0;

  /**
   * Says at once how long it takes if this host has built before.
   * @param steps expected lines of make; null if unknown
   */
  constructor(
    private readonly name: string,
    private readonly steps: number | null,
    private readonly work: Workspace,
  ) {
    this.memory = work.cache.fact('pace');
    this.known = readJson(this.memory, paceSchema)?.perSecond ?? null;
    if (this.known !== null && steps !== null) this.tell(steps / this.known);
  }

  /** Takes the number of steps that this build has done. */
  step(done: number): void {
    this.done = done;
    const ms = performance.now() - this.began;
    if (this.told || this.steps === null || ms < FIRST_MS || done === 0) return;
    this.tell(((this.steps - done) * ms) / 1000 / done);
  }

  /** Remembers the rate. */
  end(): void {
    const seconds = (performance.now() - this.began) / 1000;
    if (this.done >= MIN_STEPS && seconds > 0) writeJson(this.memory, { perSecond: this.done / seconds });
  }

  private tell(seconds: number): void {
    this.told = true;
    this.work.onNote(`builds ${this.name}: about ${aboutTime(seconds)} on this machine`);
  }
}

export function aboutTime(seconds: number): string {
  return seconds < 90 ? `${Math.max(10, Math.round(seconds / 10) * 10)} s` : `${Math.round(seconds / 60)} min`;
}
