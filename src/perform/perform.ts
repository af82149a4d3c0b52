// SPDX-License-Identifier: Apache-2.0
// Performs one run and keeps it. A prepared scenario becomes a result and a folder under results/, complete or not at
// all. If a saved machine turns out to be useless, nothing of that try is kept, and the run starts again with a boot.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Event } from '../model/result/event.js';
import type { Result } from '../model/result/result.js';
import type { Scenario } from '../model/scenario/scenario.js';
import { RunFolder, runId } from '../store/run/run-folder.js';
import { messageOf } from '../util/errors.js';
import { removeTemp, trackTemp } from '../util/process/reaper.js';
import { keep, type PerformOptions, planOf, resultOf, run } from './one-run.js';
import type { Prepared } from './prepare.js';
import { type Cold, type Start, startOf } from './start.js';

export type { PerformOptions } from './one-run.js';

export interface Performed {
  result: Result;
  /** Path of the run's folder. */
  folder: string;
}

/** `useless`: the run started from a saved machine that cannot be used, and nothing of it was kept. */
type Attempt = { kind: 'kept'; performed: Performed } | { kind: 'useless'; why: string; remove: () => Promise<void> };

/** What a saved machine did wrong; such a run is no evidence of anything. */
class Useless extends Error {}

/**
 * Throws a LabError if the result cannot be kept, and the signal's reason if it is aborted. Then nothing of the run
 * stays.
 */
export async function perform(scenario: Scenario, prepared: Prepared, options: PerformOptions): Promise<Performed> {
  const first = await attempt(scenario, prepared, options, null);
  if (first.kind === 'kept') return first.performed;
  const second = await attempt(scenario, prepared, options, first.why);
  if (second.kind === 'useless') throw new Error(`a cold run ended as one from a saved machine: ${second.why}`);
  // If the lab fails without the saved machine too, the machine is not at fault.
  if (second.performed.result.outcome !== 'infra') await first.remove();
  return second.performed;
}

/** @param failed why the saved machine could not be used; null if none was tried */
async function attempt(
  scenario: Scenario,
  prepared: Prepared,
  options: PerformOptions,
  failed: string | null,
): Promise<Attempt> {
  const { kernels } = prepared;
  const id = runId(new Date(), scenario.name, [kernels[0]?.name ?? '', kernels.at(-1)?.name ?? '']);
  const folder = new RunFolder(options.results, id, options.cell ?? null);
  const dir = mkdtempSync(join(tmpdir(), 'lab-'));
  if (!options.keep) trackTemp(dir);
  const signal = AbortSignal.any([options.signal, folder.failed]);
  let start: Start | null = null;
  try {
    const plan = planOf(scenario, prepared, options, { id, dir, folder, signal });
    const note = (text: string) => {
      const event: Event = { t: 0, epoch: 0, kind: 'note', text };
      folder.event(event);
      options.onEvent(event);
    };
    start = await startOf(plan, { use: options.snapshots ?? 'use', failed, signal, note });
    const done = await run(plan, start, { folder, signal, failed, onEvent: options.onEvent });
    const { outcome, cause } = done.record.verdict;
    if (start.kind === 'warm' && outcome === 'infra')
      throw new Useless(`the run ended with: ${cause?.title ?? 'a failure of the lab'}`);
    const result = resultOf(plan, done, { start, labVersion: options.labVersion });
    const performed = { result, folder: keep(plan, result, folder) };
    if (start.kind === 'cold') await publish(start, options);
    return { kind: 'kept', performed };
  } catch (error) {
    folder.discard();
    const { failed: unusable } = start?.kind === 'warm' ? start.resuming : { failed: null };
    if (start?.kind === 'warm' && !signal.aborted && (unusable?.aborted === true || error instanceof Useless))
      return {
        kind: 'useless',
        why: messageOf(unusable?.aborted === true ? unusable.reason : error),
        remove: start.remove,
      };
    throw folder.failed.aborted ? folder.failed.reason : error;
  } finally {
    if (start?.kind === 'cold') start.saved?.saving.discard();
    if (start?.kind === 'warm') start.release();
    if (!options.keep) removeTemp(dir);
  }
}

/** The run is kept, so what happens to the copy of its machine changes nothing. */
async function publish({ saved }: Cold, { signal }: PerformOptions): Promise<void> {
  await saved?.saving.publish(signal).catch(() => undefined);
}
