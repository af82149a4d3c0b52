// SPDX-License-Identifier: Apache-2.0
// Predicts a whole scenario: everything that it carries, over all of its updates.
import type { Mismatch } from '../../model/kernel/component.js';
import { ENDS_IN } from '../../model/result/outcome.js';
import type { Prediction } from '../../model/result/prediction.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { TEST_KHO } from '../../model/scenario/selftest.js';
import { comparePair } from '../rules/compare.js';
import { preservedDevices } from './device-effects.js';
import { type BootMemory, bootMemory, withMemory } from '../memory/boot-memory.js';
import { callsOff, scenarioEffectOf, usesKexecLoad } from './effects.js';
import { guestEffectOf } from './guests.js';
import { limitRuling } from './limits.js';
import { neededVersion, type ObjectContent, withCmdline } from '../rules/object.js';
import { lateAreasRuling } from '../memory/late-areas.js';
import { predict } from './predict.js';
import type { KernelFacts } from '../versions/kernel-facts.js';
import { ruled } from '../rules/ruling.js';
import { signatureRuling } from './signature.js';
import { type Use, USES } from '../rules/rules.js';
import { withVersionFaults } from './version-faults.js';
import { readsOf } from '../versions/versions.js';

/** What a scenario must carry over, and the lowest version of the lab's object that can carry its objects. */
export interface Carried {
  uses: Use[];
  objectNeeds: number | null;
}

export function carriedBy({ steps, reserveMem }: Pick<Scenario, 'steps' | 'reserveMem'>): Carried {
  const objects = new Map<string, ObjectContent>();
  const inSession = new Map<string, ObjectContent | undefined>();
  const uses = new Set<Use>();
  let objectNeeds: number | null = null;
  for (const step of steps) {
    if (step.op === 'create') uses.add('session');
    else if (step.op === 'device-preserve' && !step.optional) uses.add('device');
    else if (step.op === 'object') objects.set(step.object.file, step.object);
    else if (step.op === 'preserve') {
      const object = objects.get(step.file);
      inSession.set(`${step.session}/${step.token}`, object);
      uses.add(object === undefined ? 'memfd' : 'object');
      if (object !== undefined) objectNeeds = Math.max(objectNeeds ?? 0, neededVersion(object));
    } else if (step.op === 'kselftest' && step.stage === 1) {
      // All the test programs preserve a memfd in a session, at least for their own state.
      if (step.test === TEST_KHO) uses.add(TEST_KHO);
      else uses.add('session').add('memfd');
    } else if (step.op === 'retrieve') {
      const object = inSession.get(`${step.session}/${step.token}`);
      if (object !== undefined) objects.set(step.file, object);
    }
  }
  if (reserveMem.length > 0) uses.add('reserve_mem');
  return { uses: USES.filter((use) => uses.has(use)), objectNeeds };
}

/** Facts about the host besides the kernels. */
export interface HostFacts {
  /** Bytes of the initramfs; a usual size if unknown. */
  initramfs?: number | undefined;
}

/** The prediction for the whole chain: the first failing update decides. Null if unknown. */
export function predictScenario(
  scenario: Scenario,
  kernels: readonly KernelFacts[],
  { initramfs }: HostFacts = {},
): Prediction | null {
  const carried = carriedBy(scenario);
  let last: Prediction | null = null;
  for (const [image, to, epoch] of updates(kernels)) {
    const from = withVersionFaults(
      image,
      scenario.steps.filter((step) => step.epoch === epoch || step.epoch === epoch + 1),
    );
    const uses =
      preservedDevices(scenario, from, epoch).length > 0
        ? [...carried.uses, 'device' as const]
        : carried.uses.filter((use) => use !== 'device');
    const images = predict({
      from,
      to,
      cmdlineFrom: scenario.cmdlines[epoch] ?? '',
      cmdlineTo: scenario.cmdlines[epoch + 1] ?? '',
      ...carried,
      uses,
    });
    last =
      images === null
        ? null
        : withScenario(images, { scenario, from, epoch, memory: bootMemory(scenario, kernels, epoch, initramfs) });
    last = last?.outcome === 'preserved' ? withLateAreas(last, scenario, kernels, epoch) : last;
    if (last === null || last.outcome !== 'preserved') return last;
  }
  return last;
}

interface Update {
  scenario: Scenario;
  from: KernelFacts;
  epoch: number;
  memory: BootMemory;
}

/**
 * Applies the scenario: it may call the update off, hand nothing over, retrieve nothing, or check before the update.
 */
function withScenario(images: Prediction, { scenario, from, epoch, memory }: Update): Prediction | null {
  const overruled = (outcome: Prediction['outcome'], reason: string): Prediction =>
    ruled(images, { outcome, endsIn: ENDS_IN[outcome], where: null, component: null, signs: [], reason });
  if (callsOff(scenario, epoch)) return overruled('refused', 'the scenario calls the update off');
  const unsigned = images.outcome === 'refused' ? null : signatureRuling(scenario, from, epoch);
  if (unsigned !== null) return ruled(images, unsigned);
  const stopped = scenario.policy === 'check' && images.outcome !== 'preserved' && images.outcome !== 'refused';
  if (stopped)
    return {
      ...overruled('refused', 'policy check asks the running kernel first, which calls the update off'),
      component: images.component,
      signs: ['the running kernel was asked'],
    };
  const limit = images.outcome === 'refused' ? null : limitRuling(scenario, from, epoch);
  if (limit?.outcome === 'refused') return ruled(images, limit);
  const booted = usesKexecLoad(scenario, epoch) ? images : withMemory(images, memory);
  if (booted?.outcome !== 'preserved') return booted;
  if (limit !== null) return ruled(booted, limit);
  const effect = scenarioEffectOf(scenario, from, epoch) ?? guestEffectOf(scenario, epoch);
  return effect === null ? booted : overruled(effect.outcome, effect.reason);
}

/** Applies areas that a kernel creates after a kexec: they spoil the next update, and the last kernel complains. */
function withLateAreas(
  prediction: Prediction,
  scenario: Scenario,
  kernels: readonly KernelFacts[],
  epoch: number,
): Prediction | null {
  const ruling = lateAreasRuling(scenario, kernels, epoch);
  if (ruling === null) return prediction;
  return ruling === 'unknown' ? null : ruled(prediction, ruling);
}

/** Every mismatch between the images of a scenario's kernels, with their command lines. */
export function mismatchesOf(scenario: Pick<Scenario, 'cmdlines'>, kernels: readonly KernelFacts[]): Mismatch[] {
  return updates(kernels).flatMap(([from, to, epoch]) =>
    comparePair(
      withCmdline(from.versions, scenario.cmdlines[epoch] ?? ''),
      withCmdline(to.versions, scenario.cmdlines[epoch + 1] ?? ''),
    ),
  );
}

/** Versions of a component that the last kernel reads. */
export function readByLast(
  { cmdlines }: Pick<Scenario, 'cmdlines'>,
  kernels: readonly KernelFacts[],
  component: string,
): number[] {
  return readsOf(withCmdline(kernels.at(-1)?.versions ?? [], cmdlines[kernels.length - 1] ?? ''), component);
}

function updates(kernels: readonly KernelFacts[]): [KernelFacts, KernelFacts, number][] {
  return kernels.slice(1).map((to, epoch) => [kernels[epoch] as KernelFacts, to, epoch]);
}
