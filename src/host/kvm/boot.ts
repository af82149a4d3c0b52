// SPDX-License-Identifier: Apache-2.0
// One boot of the probe. Its deadline is processor time without a sign of progress, so a busy or slow host changes
// nothing.
import type { Machine } from '../../run/machine/machine.js';
import { LabError, NoProgress } from '../../util/errors.js';

export type ProbeMachine = Pick<Machine, 'untilReady' | 'stop' | 'close'> & {
  pulse: Pick<Machine['pulse'], 'lastMark' | 'processor'>;
};

/** `hangs`: it used up its processor time. `idle`: it hardly uses any, and nobody can say what holds it up. */
export type Boot = 'up' | 'hangs' | 'idle';

/** Milliseconds between two looks. */
const ROUND = 1000;
/** A machine uses the processor if it does so for this share of a round. */
const BUSY = 0.2;
const MAX_IDLE_ROUNDS = 60;
/** Milliseconds without progress for the boot under TCG. Time in which the host does not run it does not count. */
const TCG_DEADLINE = 120_000;

export class WatchedBoot {
  /** Milliseconds of processor time without progress. It may change while the boot is watched. */
  budget = 0;
  private mark: number | null = null;
  private usedAtMark = 0;
  private used = 0;

  constructor(private readonly machine: ProbeMachine) {}

  /** Milliseconds of processor time since its last progress. */
  get spent(): number {
    return this.used - this.usedAtMark;
  }

  async within(budget: number): Promise<Boot> {
    this.budget = budget;
    for (let idle = 0; idle < MAX_IDLE_ROUNDS || this.budget === Infinity;) {
      const before = this.used;
      if (await this.round()) return 'up';
      if (this.spent >= this.budget) return 'hangs';
      idle = this.used - before < BUSY * ROUND ? idle + 1 : 0;
    }
    return 'idle';
  }

  private async round(): Promise<boolean> {
    try {
      await this.machine.untilReady(0, ROUND);
      return true;
    } catch (error) {
      if (!(error instanceof NoProgress)) throw error;
    }
    const { lastMark } = this.machine.pulse;
    this.used = this.machine.pulse.processor() ?? this.used;
    if (lastMark !== this.mark) {
      this.mark = lastMark;
      this.usedAtMark = this.used;
    }
    return false;
  }
}

/**
 * Boots a kernel to user space and ends the machine.
 * @returns milliseconds of processor time
 */
export async function bootOnce(open: () => Promise<ProbeMachine>): Promise<number> {
  const machine = await open();
  await machine.untilReady(0, TCG_DEADLINE);
  const used = machine.pulse.processor();
  await machine.stop();
  if (used === null) throw new LabError('the host does not tell the processor time of a process');
  return used;
}
