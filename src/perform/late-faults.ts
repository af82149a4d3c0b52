// SPDX-License-Identifier: Apache-2.0
// How late a run with faults can start. A fault is injected at the last rung at which nobody has read what it changes.
import { canWaitForJump, lastRungOf, type Pair } from '../handover/index.js';
import { isStock } from '../images/definition/stock.js';
import type { Rung } from '../model/result/snapshot.js';
import type { KernelImage } from '../model/kernel/image.js';
import type { Scenario } from '../model/scenario/scenario.js';
import { cmdlineOf, type RunPlan } from '../run/index.js';

/** The kernels of the first update, as far as it matters who reads what. Null if there is no update. */
export function pairOf(plan: RunPlan): Pair | null {
  const [from, to] = plan.kernels;
  if (from === undefined || to === undefined) return null;
  return {
    from: readerOf(from),
    to: {
      ...readerOf(to),
      reservesMemory: /(^|\s)reserve_mem=/.test(cmdlineOf(plan, 1)),
      hasObject: to.versions.some(({ name }) => name === 'object'),
    },
  };
}

function readerOf(image: KernelImage): Pair['from'] {
  return { release: image.release, stock: isStock(image) };
}

/** The scenario with those faults at the jump that come before the kexec, and make no difference there. */
export function withFaultsAtJump(scenario: Scenario, pair: Pair | null): Scenario {
  if (pair === null) return scenario;
  const steps = scenario.steps.map((step) =>
    step.op === 'fault' && step.at === 'now' && canWaitForJump(step, pair.from)
      ? { ...step, at: 'jump' as const }
      : step,
  );
  return { ...scenario, steps };
}

export function lastRungOfRun({ steps }: Pick<Scenario, 'steps'>, pair: Pair | null): Rung {
  return pair === null ? 'jump' : lastRungOf(steps, pair).rung;
}

export function withoutFaults(scenario: Scenario): Scenario {
  return { ...scenario, steps: scenario.steps.filter(({ op }) => op !== 'fault') };
}
