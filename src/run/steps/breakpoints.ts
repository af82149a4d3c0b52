// SPDX-License-Identifier: Apache-2.0
// Pauses the run at its named points, if the user asked for that.
import type { Verdict } from '../../verdict/verdict.js';
import type { UserSpace } from '../agent/user-space.js';
import type { Point } from '../engine/breakpoint.js';
import type { RunPlan } from '../engine/plan.js';
import type { Recorder } from '../engine/recorder.js';
import type { Machine } from '../machine/machine.js';

export class Breakpoints {
  /** Points that were reached, each with its epoch. */
  private readonly reached = new Set<string>();

  constructor(
    private readonly plan: Pick<RunPlan, 'onBreakpoint' | 'dir'>,
    private readonly machine: Machine,
    private readonly user: UserSpace,
    private readonly recorder: Recorder,
  ) {}

  /** The user may look around in the machine. */
  get wanted(): boolean {
    return this.plan.onBreakpoint !== undefined;
  }

  async pauseAt(point: Point, verdict: Verdict | null = null): Promise<void> {
    const { plan, machine, recorder, user } = this;
    if (plan.onBreakpoint === undefined) return;
    const began = recorder.clock.now();
    await plan.onBreakpoint({
      point,
      epoch: recorder.epoch,
      machine,
      ssh: machine.ended.aborted ? null : await user.session(),
      dir: plan.dir,
      verdict,
      debuggerStub: () => machine.openDebugger(),
    });
    const ms = recorder.clock.now() - began;
    if (ms >= 1) recorder.event({ kind: 'note', text: `held at ${point} for ${(ms / 1000).toFixed(1)} s` });
  }

  /**
   * Pauses at a point, the first time that this kernel reaches it.
   * @param settle waits until nothing is pending
   */
  async pauseOnce(point: Point, settle: () => Promise<void>): Promise<void> {
    const name = `${point} ${this.recorder.epoch}`;
    if (!this.wanted || this.reached.has(name)) return;
    this.reached.add(name);
    await settle();
    await this.pauseAt(point);
  }
}
