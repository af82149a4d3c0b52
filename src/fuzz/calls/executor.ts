// SPDX-License-Identifier: Apache-2.0
// Runs sequences of calls: each in a machine of its own, from the saved one whose first kernel has just come up. The
// first run of a machine saves it. Nothing of a run is kept.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scenario } from '../../model/scenario/scenario.js';
import { RunCoverage } from '../../perform/coverage.js';
import { planWithoutFolder, QUIET } from '../../perform/ladder-runs.js';
import type { Prepared } from '../../perform/prepare.js';
import { startOf } from '../../perform/start.js';
import { execute, type RunPlan } from '../../run/index.js';
import { makeTemp, removeTemp } from '../../util/process/reaper.js';
import { blocksOf } from '../blocks.js';
import { endingOf } from '../ending.js';
import type { Execution, Executor, Input } from '../input.js';

export interface CallsExecutorOptions {
  /** What a scenario's kernels need, prepared once. */
  prepared: (scenario: Scenario) => Prepared;
}

export class CallsExecutor implements Executor {
  constructor(private readonly options: CallsExecutorOptions) {}

  async execute({ scenario }: Input, signal: AbortSignal): Promise<Execution> {
    const began = performance.now();
    const dir = makeTemp(join(tmpdir(), 'lab-'));
    try {
      const plan = planWithoutFolder(scenario, this.options.prepared(scenario), dir);
      const done = (await attempt(plan, null, signal)) ?? (await attempt(plan, 'the saved machine failed', signal));
      if (done === null) throw new Error('a run that boots does not use a saved machine');
      return { ...done, ms: performance.now() - began };
    } finally {
      removeTemp(dir);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * @param failed why the saved machine was of no use; null if it was not tried
 * @returns null if the saved machine was of no use
 */
async function attempt(
  plan: RunPlan,
  failed: string | null,
  signal: AbortSignal,
): Promise<Omit<Execution, 'ms'> | null> {
  const start = await startOf(plan, { use: 'booted', failed, signal, tell: () => undefined });
  const coverage = new RunCoverage(plan);
  const streams = { ...QUIET, ...coverage.begin(start) };
  const watched = { ...plan, coverage: coverage.ranges };
  if (start.kind === 'cold') {
    const { saving = null } = start.saved ?? {};
    try {
      const record = await execute({ ...watched, saver: saving }, streams, signal, start.parts);
      await saving?.publish(signal).catch(() => undefined);
      return { ending: endingOf(record), blocks: blocksOf(coverage.result()), rung: null };
    } finally {
      saving?.discard();
    }
  }
  const { resuming, resumed, scenario, release, remove } = start;
  try {
    const either = AbortSignal.any([signal, resuming.failed]);
    const record = await execute({ ...watched, scenario, resumed }, streams, either, resuming.parts);
    // A failure of the lab may be that of the saved machine.
    if (record.verdict.outcome === 'infra') return null;
    return { ending: endingOf(record), blocks: blocksOf(coverage.result()), rung: 'booted' };
  } catch (error) {
    if (!resuming.failed.aborted || signal.aborted) throw error;
    await remove();
    return null;
  } finally {
    resuming.end();
    release();
  }
}
