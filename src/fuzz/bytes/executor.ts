// SPDX-License-Identifier: Apache-2.0
// Runs changes of the handover: each in a machine of its own, from the last rung at which nobody has read what changes.
// The machine of each base is saved once, by a run without a change.
import type { Scenario } from '../../model/scenario/scenario.js';
import { withoutFaults } from '../../perform/late-faults.js';
import { LadderRuns } from '../../perform/ladder-runs.js';
import type { Prepared } from '../../perform/prepare.js';
import { blocksOf } from '../blocks.js';
import { endingOf } from '../ending.js';
import type { Execution, Executor, Input } from '../input.js';

export interface BytesExecutorOptions {
  prepared: Prepared;
  /** Where machines are saved. */
  folder: string;
}

export class BytesExecutor implements Executor {
  /** By the scenario without its changes. */
  private readonly ladders = new Map<string, Promise<LadderRuns>>();

  constructor(private readonly options: BytesExecutorOptions) {}

  async execute({ scenario }: Input, signal: AbortSignal): Promise<Execution> {
    const ladder = await this.ladderOf(scenario, signal);
    const member = ladder.member(scenario);
    if (member === null) throw new Error('a change of the handover is one of another machine');
    const began = performance.now();
    const { record, coverage } = await ladder.run(member, member.last, { signal, coverage: 'on' });
    const blocks = coverage === null ? null : blocksOf(coverage);
    return { ending: endingOf(record), blocks, rung: member.last, ms: performance.now() - began };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ladders = await Promise.allSettled(this.ladders.values());
    for (const ladder of ladders) if (ladder.status === 'fulfilled') ladder.value[Symbol.dispose]();
  }

  private ladderOf(scenario: Scenario, signal: AbortSignal): Promise<LadderRuns> {
    const base = withoutFaults(scenario);
    const key = JSON.stringify([base.kernels, base.machine, base.steps]);
    const known = this.ladders.get(key);
    if (known !== undefined) return known;
    const { prepared, folder } = this.options;
    const climbing = LadderRuns.climb(base, prepared, { folder, signal });
    this.ladders.set(key, climbing);
    // A failure of the host may pass.
    climbing.catch(() => this.ladders.delete(key));
    return climbing;
  }
}
