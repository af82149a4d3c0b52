// SPDX-License-Identifier: Apache-2.0
// One try at a run: its plan, its machine, its result and its folder.
import { mismatchesOf, predictScenario, readByLast } from '../compat/index.js';
import { recipeOf } from '../images/index.js';
import type { Event } from '../model/result/event.js';
import type { CellOfRun } from '../model/result/matrix.js';
import type { MemoryKept } from '../model/result/memory-image.js';
import type { Result } from '../model/result/result.js';
import type { SnapshotOfResult } from '../model/result/snapshot.js';
import type { Scenario } from '../model/scenario/scenario.js';
import {
  buildResult,
  execute,
  mismatchesSeen,
  type OnBreakpoint,
  type RunPlan,
  type RunRecord,
  Timeline,
} from '../run/index.js';
import { imageName, writeMemoryImage } from '../store/run/memory-image.js';
import type { RunFolder } from '../store/run/run-folder.js';
import type { Origin } from '../store/run/seal.js';
import { startClock } from '../util/clock.js';
import type { RunCoverage } from './coverage.js';
import type { Prepared } from './prepare.js';
import type { SnapshotUse, Start } from './start.js';

export interface PerformOptions {
  /** Folder of all results. */
  results: string;
  labVersion: string;
  signal: AbortSignal;
  onEvent: (event: Event) => void;
  /** Keep the machine's private folder. */
  keep?: boolean;
  /** Inspect devices from outside (the default). Without it, the result is no verdict on them. */
  deviceLooks?: boolean;
  /** When to keep the machine's memory with the run; `never` by default. */
  memory?: MemoryKept;
  /** Called at each breakpoint of the run. */
  hold?: OnBreakpoint;
  /** Start from a saved machine if there is one (the default), or boot. */
  snapshots?: SnapshotUse;
  /** Keep which code ran with the run; `off` by default. */
  coverage?: 'on' | 'off';
  /** No deadline ends the run. */
  noDeadlines?: boolean;
  /** The cell of a matrix that the run is for. */
  cell?: CellOfRun;
}

export function planOf(
  scenario: Scenario,
  { rootfs, coreRootfs, accel, ...prepared }: Prepared,
  options: Pick<PerformOptions, 'memory' | 'deviceLooks' | 'hold' | 'noDeadlines'>,
  { id, dir, folder, signal }: { id: string; dir: string; folder: RunFolder; signal: AbortSignal },
): RunPlan {
  const memory: RunPlan['memory'] =
    (options.memory ?? 'never') === 'never'
      ? null
      : {
          jumps: options.memory === 'always',
          keep: (head, pages) => writeMemoryImage(folder.file(imageName(head)), head, pages, signal),
        };
  return {
    ...prepared,
    id,
    scenario,
    // Somebody may log in while a run is held.
    rootfs: options.hold === undefined ? (coreRootfs ?? rootfs) : rootfs,
    accel: accel.accel,
    dir,
    deviceLooks: options.deviceLooks ?? true,
    memory,
    saver: null,
    resumed: null,
    onBreakpoint: options.hold,
    noDeadlines: options.noDeadlines,
  };
}

interface RunOptions {
  folder: RunFolder;
  signal: AbortSignal;
  /** Takes each event once. */
  onEvent: (event: Event) => void;
  /** Null if nobody wants to know which code runs. */
  coverage: RunCoverage | null;
}

export async function run(
  plan: RunPlan,
  start: Start,
  { folder, signal, onEvent, coverage }: RunOptions,
): Promise<RunRecord> {
  const clock = startClock();
  const streams = {
    event: onEvent,
    console: (chunk: Buffer) => folder.console(chunk),
    qmp: (direction: 'in' | 'out', text: string) => folder.line('qmp', clock.now(), direction, text),
    agent: (direction: 'in' | 'out', text: string) => folder.line('agent', clock.now(), direction, text),
    ...coverage?.begin(start),
  };
  if (start.kind === 'cold') {
    const { saving = null, scenario = plan.scenario } = start.saved ?? {};
    const { unusable, parts } = start;
    if (unusable !== null) onEvent({ t: 0, epoch: 0, kind: 'snapshot', state: 'unusable', why: unusable });
    return execute({ ...plan, scenario, saver: saving }, streams, signal, parts);
  }
  const { resuming, resumed, scenario } = start;
  try {
    const either = AbortSignal.any([signal, resuming.failed]);
    return await execute({ ...plan, scenario, resumed }, streams, either, resuming.parts);
  } finally {
    resuming.end();
  }
}

export function resultOf(
  plan: RunPlan,
  { record, timeline }: { record: RunRecord; timeline: Timeline },
  { start, labVersion }: { start: Start; labVersion: string },
): Result {
  const { scenario, kernels, rootfs } = plan;
  return buildResult(plan, record, {
    predicted: predictScenario(scenario, kernels, { initramfs: rootfs.size }),
    mismatches: mismatchesSeen(mismatchesOf(scenario, kernels), record, (component) =>
      readByLast(scenario, kernels, component),
    ),
    timeline: timeline.entries,
    labVersion,
    snapshot: snapshotOf(start),
  });
}

function snapshotOf(start: Start): SnapshotOfResult {
  if (start.kind === 'cold') return { none: start.none };
  const { rung, key, savedAt } = start.resumed;
  return { rung, key, savedAt };
}

/** @returns the run's folder */
export function keep({ scenario, kernels }: RunPlan, result: Result, folder: RunFolder): string {
  const origin: Origin = { provenance: scenario.trusted ? 'trusted' : 'data', folder: scenario.folder };
  const recipes = [...new Map(kernels.map((kernel) => [kernel.name, recipeOf(kernel)])).values()];
  folder.writeFile('recipe.json', `${JSON.stringify({ schema: 1, kernels: recipes }, null, 2)}\n`);
  return folder.finish(result, scenario.source, origin);
}
