// SPDX-License-Identifier: Apache-2.0
// Performs one run and keeps it. A prepared scenario becomes a result and a folder under results/, complete or not at
// all.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mismatchesOf, predictScenario, readByLast } from '../compat/index.js';
import { recipeOf } from '../images/index.js';
import type { Event } from '../model/result/event.js';
import type { CellOfRun } from '../model/result/matrix.js';
import type { MemoryKept } from '../model/result/memory-image.js';
import type { Result } from '../model/result/result.js';
import type { Scenario } from '../model/scenario/scenario.js';
import { buildResult, execute, mismatchesSeen, type OnBreakpoint, type RunPlan, Timeline } from '../run/index.js';
import { imageName, writeMemoryImage } from '../store/run/memory-image.js';
import { RunFolder, runId } from '../store/run/run-folder.js';
import type { Origin } from '../store/run/seal.js';
import { startClock } from '../util/clock.js';
import { removeTemp, trackTemp } from '../util/process/reaper.js';
import type { Prepared } from './prepare.js';

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
  /** No deadline ends the run. */
  noDeadlines?: boolean;
  /** The cell of a matrix that the run is for. */
  cell?: CellOfRun;
}

export interface Performed {
  result: Result;
  /** Path of the run's folder. */
  folder: string;
}

/**
 * Throws a LabError if the result cannot be kept, and the signal's reason if it is aborted. Then nothing of the run
 * stays.
 */
export async function perform(
  scenario: Scenario,
  { kernels, rootfs, accel, hostTscKhz, formats, unread, selftests, iommuOptions }: Prepared,
  options: PerformOptions,
): Promise<Performed> {
  const id = runId(new Date(), scenario.name, [kernels[0]?.name ?? '', kernels.at(-1)?.name ?? '']);
  const folder = new RunFolder(options.results, id, options.cell ?? null);
  const dir = mkdtempSync(join(tmpdir(), 'lab-'));
  if (!options.keep) trackTemp(dir);
  const signal = AbortSignal.any([options.signal, folder.failed]);
  const memory: RunPlan['memory'] =
    (options.memory ?? 'never') === 'never'
      ? null
      : {
          jumps: options.memory === 'always',
          keep: (head, pages) => writeMemoryImage(folder.file(imageName(head)), head, pages, signal),
        };
  const plan: RunPlan = {
    id,
    scenario,
    kernels,
    rootfs,
    accel: accel.accel,
    hostTscKhz,
    dir,
    formats,
    unread,
    selftests,
    iommuOptions,
    deviceLooks: options.deviceLooks ?? true,
    memory,
    saver: null,
    resumed: null,
    onBreakpoint: options.hold,
    noDeadlines: options.noDeadlines,
  };
  const timeline = new Timeline();
  const clock = startClock();
  try {
    const record = await execute(
      plan,
      {
        event: (event) => {
          folder.event(event);
          timeline.take(event);
          options.onEvent(event);
        },
        console: (chunk) => folder.console(chunk),
        qmp: (direction, text) => folder.line('qmp', clock.now(), direction, text),
        agent: (direction, text) => folder.line('agent', clock.now(), direction, text),
      },
      signal,
    );
    const result = buildResult(plan, record, {
      predicted: predictScenario(scenario, kernels, { initramfs: rootfs.size }),
      mismatches: mismatchesSeen(mismatchesOf(scenario, kernels), record, (component) =>
        readByLast(scenario, kernels, component),
      ),
      timeline: timeline.entries,
      labVersion: options.labVersion,
      snapshot: { none: 'nothing is saved yet' },
    });
    const origin: Origin = { provenance: scenario.trusted ? 'trusted' : 'data', folder: scenario.folder };
    const recipes = [...new Map(kernels.map((kernel) => [kernel.name, recipeOf(kernel)])).values()];
    folder.writeFile('recipe.json', `${JSON.stringify({ schema: 1, kernels: recipes }, null, 2)}\n`);
    return { result, folder: folder.finish(result, scenario.source, origin) };
  } catch (error) {
    folder.discard();
    throw folder.failed.aborted ? folder.failed.reason : error;
  } finally {
    if (!options.keep) removeTemp(dir);
  }
}
