// SPDX-License-Identifier: Apache-2.0
// One measured run in this process. Its folder is removed when the process ends.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result } from '../model/result/result.js';
import { perform } from '../perform/perform.js';
import { Preparation } from '../perform/prepare.js';
import { loadScenario } from '../scenario/index.js';
import { makeTemp } from '../util/process/reaper.js';

export const folder = makeTemp(join(tmpdir(), 'lab-measure-'));
const { signal } = new AbortController();

export interface Timed {
  /** Milliseconds, without one-time preparation. */
  ms: number;
  result: Result;
}

/**
 * Throws if the run does not end as its scenario expects, because then there is nothing to measure. Without inspection
 * of devices, any outcome is accepted.
 */
export async function run(
  file: string,
  kernels: { from?: string; to?: string } = {},
  { deviceLooks = true }: { deviceLooks?: boolean } = {},
): Promise<Timed> {
  const scenario = await loadScenario(file, kernels);
  const preparation = new Preparation({ accel: 'tcg', signal });
  for (const stage of preparation.stages([scenario])) await stage.run({ detail: () => undefined });
  const began = performance.now();
  const { result } = await perform(scenario, preparation.of(scenario), {
    results: join(folder, 'results'),
    labVersion: 'measured',
    signal,
    deviceLooks,
    // What is measured is the whole run.
    snapshots: 'cold',
    onEvent: () => undefined,
  });
  const ms = performance.now() - began;
  if (deviceLooks && !result.asExpected) throw new Error(`${file}: ${result.outcome} (${result.cause?.detail ?? ''})`);
  return { ms, result };
}
