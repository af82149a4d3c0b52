// SPDX-License-Identifier: Apache-2.0
// Which cells of a plan save their machine at the jump. All cells with one machine share its boot; what comes after it
// is shared by fewer. A plan that saved more than the cache holds would throw each machine out before its next use.
import type { Scenario } from '../model/scenario/scenario.js';
import { eligible, keyedOperations } from '../snapshot/index.js';
import type { PlannedPair } from './expand.js';
import type { CellTask } from './queue.js';

/** Part of a machine's memory that one saved rung takes on the disk. */
const SHARE_OF_MEMORY = 0.1;
/** Runs with a fault at the jump also save the rungs of the next kernel. */
const RUNGS_AFTER_JUMP = 4;
/** Part of the cache that one plan may fill, so that it does not throw out all that others saved. */
const SHARE_OF_CACHE = 0.75;

interface Shape {
  cells: number;
  bytes: number;
}

/** Every run boots: what a saved machine did before its rung is in no log of QEMU. */
export function allCold(pairs: readonly Pick<PlannedPair, 'scenario'>[]): ReadonlyMap<Scenario, CellTask['start']> {
  return new Map(pairs.map(({ scenario }) => [scenario, 'cold']));
}

/**
 * How the cells of each scenario on its kernels start.
 * @param cacheBytes what all snapshots together may take
 */
export function startsOf(
  pairs: readonly Pick<PlannedPair, 'scenario' | 'repeats'>[],
  cacheBytes: number,
): ReadonlyMap<Scenario, CellTask['start']> {
  const shapes = new Map<string, Shape>();
  for (const { scenario, repeats } of pairs) {
    const key = shapeOf(scenario);
    if (key === null) continue;
    const rungs = scenario.steps.some(({ op }) => op === 'fault') ? 1 + RUNGS_AFTER_JUMP : 1;
    const bytes = rungs * SHARE_OF_MEMORY * scenario.machine.memory;
    const known = shapes.get(key);
    shapes.set(key, { cells: (known?.cells ?? 0) + repeats, bytes: Math.max(known?.bytes ?? 0, bytes) });
  }
  const saved = new Set<string>();
  let left = SHARE_OF_CACHE * cacheBytes;
  // Those with the most cells save the most boots. The sort is stable, so each night saves the same ones.
  for (const [key, { bytes }] of [...shapes].sort(([, a], [, b]) => b.cells / b.bytes - a.cells / a.bytes)) {
    if (bytes > left) continue;
    left -= bytes;
    saved.add(key);
  }
  return new Map(
    pairs.map(({ scenario }) => {
      const key = shapeOf(scenario);
      return [scenario, key === null || saved.has(key) ? 'warm' : 'booted'];
    }),
  );
}

/** Cells with one shape share their machine at the jump. Null if the scenario cannot start there. */
function shapeOf({ kernels, cmdlines, machine, policy, recover, steps, expect }: Scenario): string | null {
  // Most faults can wait for the jump. If one cannot, its scenario has no machine there, and takes room for nothing.
  const waiting = steps.map((step) =>
    step.op === 'fault' && step.at === 'now' ? { ...step, at: 'jump' as const } : step,
  );
  if (eligible({ steps: waiting, expect }, { knowsJump: true }).rung !== 'jump') return null;
  const operations = keyedOperations(waiting.filter(({ epoch }) => epoch === 0));
  return JSON.stringify([kernels, cmdlines, machine, policy, recover !== null, operations], (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
}
