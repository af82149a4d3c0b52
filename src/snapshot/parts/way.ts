// SPDX-License-Identifier: Apache-2.0
// How far a resumed run has come: from its start over the stages of its ladder to the moment when its machine runs.
import type { Rung } from '../../model/result/snapshot.js';
import type { MemoryView } from '../../qemu/memory.js';

/** A rung that the run passes before its machine runs, or the last one, at which the machine stands. */
export interface Stage {
  rung: Rung;
  /** How many bytes of the console and of the readiness marks came before it. */
  console: number;
  marks: number;
  /** What the run sees of the machine until it leaves this rung; null for the machine itself. */
  seen: { memory: MemoryView; registers: string } | null;
}

export interface WayHooks {
  /** The run has reached a rung: what was printed before it is there now. */
  reached(stage: Stage): void;
  /** The run has left the last rung: the machine must run. */
  release(): Promise<void>;
}

/** At these rungs the engine does nothing: it waits for the next kernel. */
const PASSED_BY: ReadonlySet<Rung> = new Set(['kho', 'luo']);

export class Way {
  private index = 0;
  private state: 'before' | 'at' | 'released' = 'before';
  private waiting: (() => void)[] = [];

  /** @param stages in order; the last one is the rung that the machine stands at */
  constructor(
    private readonly stages: readonly [Stage, ...Stage[]],
    private readonly hooks: WayHooks,
  ) {}

  /** The rung that comes next, or at which the run is. */
  get stage(): Stage {
    return this.stages[this.index] ?? this.stages[0];
  }

  get isReleased(): boolean {
    return this.state === 'released';
  }

  /** The run is past everything that happened before the first rung: from here on it may change the machine. */
  get mayChange(): boolean {
    return this.index > 0 || this.state !== 'before';
  }

  get isLast(): boolean {
    return this.index === this.stages.length - 1;
  }

  /** Whether the machine stands at this rung. */
  endsAt(rung: Rung): boolean {
    return this.stages.at(-1)?.rung === rung;
  }

  /** Resolves when the run has reached the next rung. */
  reaching(): Promise<void> {
    return this.state === 'before' ? new Promise((resolve) => this.waiting.push(resolve)) : Promise.resolve();
  }

  /** The run has done all that comes before the next rung. */
  reach(): void {
    this.state = 'at';
    this.hooks.reached(this.stage);
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** The run has done all that comes before the last rung, and goes on from there. */
  async leaveAll(): Promise<void> {
    while (!this.isReleased) await this.leave();
  }

  /** The run goes on from the rung at which it is. */
  async leave(): Promise<void> {
    if (this.isLast) {
      this.state = 'released';
      return this.hooks.release();
    }
    this.index++;
    this.reach();
    if (PASSED_BY.has(this.stage.rung)) await this.leave();
  }
}
