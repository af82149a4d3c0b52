// SPDX-License-Identifier: Apache-2.0
// Performs one run and keeps it. A prepared scenario becomes a result and a folder under results/, complete or not at
// all. If a saved machine turns out to be useless, nothing of that try is kept, and the run starts again with a boot.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelLabel } from '../model/kernel/label.js';
import type { Event, EventBody } from '../model/result/event.js';
import type { Outcome } from '../model/result/outcome.js';
import type { Result } from '../model/result/result.js';
import type { Scenario } from '../model/scenario/scenario.js';
import { Timeline } from '../run/index.js';
import { Silent } from '../snapshot/index.js';
import { RunFolder, runId } from '../store/run/run-folder.js';
import { messageOf } from '../util/errors.js';
import { removeTemp, makeTemp } from '../util/process/reaper.js';
import { COVERAGE_JSON } from '../coverage/index.js';
import { RunCoverage } from './coverage.js';
import { keep, type PerformOptions, planOf, resultOf, run } from './one-run.js';
import type { Prepared } from './prepare.js';
import { signedImages } from './signing.js';
import { type Cold, type Start, startOf, type Starter } from './start.js';

export type { PerformOptions } from './one-run.js';

export interface Performed {
  result: Result;
  /** Path of the run's folder. */
  folder: string;
}

/** Whose fault it is that a run from a saved machine was in vain. */
type Fault = 'snapshot' | 'lab' | 'silent';

/** `useless`: the run started from a saved machine that cannot be used, and nothing of it was kept. */
type Attempt =
  { kind: 'kept'; performed: Performed } | { kind: 'useless'; why: string; fault: Fault; remove: () => Promise<void> };

/**
 * The outcomes of a run that boots which show that the saved machine is good. Null: it is damaged in any case.
 * - `lab`: the lab failed. If it fails without the saved machine too, the machine is not at fault.
 * - `silent`: the machine hung at once. So does one that boots, if the next kernel hangs before it prints anything.
 */
const CLEARED_BY: Readonly<Record<Fault, readonly Outcome[] | null>> = {
  snapshot: null,
  lab: ['infra'],
  silent: ['infra', 'hang'],
};

interface AttemptOptions extends PerformOptions {
  starts: Starter;
  /** Why the saved machine could not be used; null if none was tried. */
  failed: string | null;
}

/**
 * Throws a LabError if the result cannot be kept, and the signal's reason if it is aborted. Then nothing of the run
 * stays.
 */
export async function perform(
  scenario: Scenario,
  prepared: Prepared,
  options: PerformOptions,
  starts: Starter = startOf,
): Promise<Performed> {
  const first = await attempt(scenario, prepared, { ...options, starts, failed: null });
  if (first.kind === 'kept') return first.performed;
  const clearing = CLEARED_BY[first.fault];
  if (clearing === null) await first.remove();
  const second = await attempt(scenario, prepared, { ...options, starts, failed: first.why });
  if (second.kind === 'useless') throw new Error(`a run that boots failed because of a saved machine: ${second.why}`);
  if (clearing?.includes(second.performed.result.outcome) === false) await first.remove();
  return second.performed;
}

async function attempt(scenario: Scenario, prepared: Prepared, options: AttemptOptions): Promise<Attempt> {
  const { kernels } = prepared;
  const id = runId(new Date(), scenario.name, [kernels[0]?.name ?? '', kernels.at(-1)?.name ?? ''].map(kernelLabel));
  const folder = new RunFolder(options.results, id, options.cell ?? null);
  const prefix = join(tmpdir(), 'lab-');
  const dir = options.keep ? mkdtempSync(prefix) : makeTemp(prefix);
  const signal = AbortSignal.any([options.signal, folder.failed]);
  let start: Start | null = null;
  try {
    const planned = planOf(scenario, prepared, options, { id, dir, folder, signal });
    const coverage = options.coverage === 'on' ? new RunCoverage(planned) : null;
    const signed = await signedImages(planned, signal);
    const plan = { ...planned, coverage: coverage?.ranges, ...(signed === null ? {} : { signed }) };
    const timeline = new Timeline();
    const onEvent = (event: Event) => {
      folder.event(event);
      timeline.take(event);
      options.onEvent(event);
    };
    const tell = (event: EventBody) => onEvent({ t: 0, epoch: 0, ...event });
    const { snapshots: use = 'use', failed } = options;
    start = await options.starts(plan, { use, failed, signal, tell });
    const record = await run(plan, start, { folder, signal, onEvent, coverage });
    const { outcome, cause } = record.verdict;
    if (start.kind === 'warm' && outcome === 'infra') {
      folder.discard();
      const why = `the run ended with: ${cause?.title ?? 'a failure of the lab'}`;
      return { kind: 'useless', why, fault: 'lab', remove: start.remove };
    }
    const result = resultOf(plan, { record, timeline }, { start, labVersion: options.labVersion });
    if (coverage !== null) folder.writeFile(COVERAGE_JSON, `${JSON.stringify(coverage.result())}\n`);
    const performed = { result, folder: keep(plan, result, folder) };
    if (start.kind === 'cold') await publish(start, options);
    return { kind: 'kept', performed };
  } catch (error) {
    folder.discard();
    if (start?.kind === 'warm' && start.resuming.failed.aborted && !signal.aborted) {
      const reason: unknown = start.resuming.failed.reason;
      const fault = reason instanceof Silent ? 'silent' : 'snapshot';
      return { kind: 'useless', why: messageOf(reason), fault, remove: start.remove };
    }
    throw folder.failed.aborted ? folder.failed.reason : error;
  } finally {
    if (start?.kind === 'cold') start.saved?.saving.discard();
    if (start?.kind === 'warm') start.release();
    if (!options.keep) removeTemp(dir);
  }
}

/** The run is kept, so what happens to the copy of its machine changes nothing; the user hears of it. */
async function publish({ saved }: Cold, { signal, onEvent }: PerformOptions): Promise<void> {
  const published = await saved?.saving.publish(signal).catch(() => null);
  if (saved != null && published?.state === 'failed')
    onEvent({ t: 0, epoch: 0, kind: 'snapshot', state: 'not-saved', rung: saved.rung, why: published.why });
}
