// SPDX-License-Identifier: Apache-2.0
// The effect of a scenario on its devices: whether the old kernel preserves their descriptors, and what faults and the
// positive control's command line do to them.
import type { DeviceLevel } from '../../model/scenario/device.js';
import type { Scenario, Step } from '../../model/scenario/scenario.js';
import { valuesOf } from '../binary/cmdline.js';
import { hardwarePart } from '../rules/hardware.js';
import { withCmdline } from '../rules/object.js';
import { shouldSucceed } from '../rules/expected-steps.js';
import type { KernelFacts } from '../versions/kernel-facts.js';
import type { ScenarioEffect } from './scenario-effect.js';

type Planned = Pick<Scenario, 'steps' | 'cmdlines'> & Partial<Pick<Scenario, 'hardware'>>;
type Preserve = Extract<Step, { op: 'device-preserve' }>;

/** The devices that an epoch preserves: the required ones, and the optional ones if the kernel has a handler. */
export function preservedDevices({ steps, cmdlines }: Planned, from: KernelFacts, epoch: number): Preserve[] {
  const handler = withCmdline(from.versions, cmdlines[epoch] ?? '').some(({ name }) => hardwarePart(name) === 'vfio');
  return steps.flatMap((step) =>
    step.op === 'device-preserve' && step.epoch === epoch && (handler || !step.optional) && shouldSucceed(step)
      ? [step]
      : [],
  );
}

/** Values of lukeep.mode= and lukeep.pretend= for the old kernel (lab/kernel/keep, docs/keep.md). */
const FAULTS_OLD: Readonly<Record<string, ScenarioEffect>> = {
  'forget-page': {
    outcome: 'corrupt',
    reason:
      'lukeep makes the old kernel forget a page of the tables: the device continues to use memory that ' +
      'the next kernel may use for something else',
  },
  'translation-off': {
    outcome: 'corrupt',
    reason: 'lukeep makes the old kernel turn translation off for a while, with a running device',
  },
  reset: {
    outcome: 'lost',
    reason: 'lukeep makes the old kernel reset the device, so the next one does not take it over',
  },
  address: {
    outcome: 'lost',
    reason: 'lukeep makes the old kernel name another address, where the next one does not find the device',
  },
  missing: { outcome: 'lost', reason: 'lukeep makes the old kernel name a device that does not exist' },
  'freeze-kills': {
    outcome: 'lost',
    reason: 'lukeep makes the old kernel stop the device at the freeze, so the next one does not take it over',
  },
};

/** Below the level dma, nothing need be translated during the kexec. */
const FAULTS_WITHOUT_DMA = Object.fromEntries(
  Object.entries(FAULTS_OLD).filter(([mode]) => mode !== 'translation-off'),
);
const STAYS_MASTER: ScenarioEffect = {
  outcome: 'corrupt',
  reason: 'lukeep leaves a device bus master, which the level address forbids',
};

/** The same for the next kernel. */
const FAULTS_NEXT: Readonly<Record<string, ScenarioEffect>> = {
  'leak-table': { outcome: 'leak', reason: 'lukeep makes the next kernel keep the pages of the old tables forever' },
};

/** The effect on the devices in the update that starts in `epoch`; null if there is none. */
export function deviceEffectOf(scenario: Planned, from: KernelFacts, epoch: number): ScenarioEffect | null {
  const preserved = preservedDevices(scenario, from, epoch);
  const names = preserved.map(({ device }) => device);
  const keeper = from.versions.some(({ name }) => name === 'labvfio');
  const iommuPreserve = scenario.steps.find(
    (step) => step.op === 'iommu-preserve' && step.epoch === epoch && !step.optional && shouldSucceed(step),
  );
  if (iommuPreserve !== undefined && !from.versions.some(({ name }) => name.includes('iommufd')))
    return {
      outcome: 'refused',
      reason: 'the old kernel has no handler for an iommufd, so it refuses to preserve one',
    };
  if (preserved.length > 0 && keeper) {
    const stopped = freezeFails(preserved.length, scenario.cmdlines[epoch]);
    if (stopped !== null) return stopped;
    const levels = preserved.map(({ device }) => levelOf(scenario, device));
    const old = levels.includes('dma') ? FAULTS_OLD : FAULTS_WITHOUT_DMA;
    const fault = faultIn(old, scenario.cmdlines[epoch]) ?? faultIn(FAULTS_NEXT, scenario.cmdlines[epoch + 1]);
    if (fault !== null) return fault;
    if (levels.includes('address')) return STAYS_MASTER;
  }
  if (preserved.length > 0 && from.versions.some(({ name }) => name === UPSTREAM)) {
    const effect = upstreamEffect(scenario, preserved, epoch, from);
    if (effect !== null) return effect;
  }
  const forgotten = preserved.find(({ device, optional }) => !optional && !opens(scenario, device, epoch + 1));
  if (forgotten !== undefined)
    return { outcome: 'lost', reason: `no step in the next kernel opens ${forgotten.device}` };
  for (const step of scenario.steps) {
    if (step.op !== 'fault') continue;
    const { fault } = step;
    if (fault.kind === 'unplug' && (step.epoch === epoch || step.epoch === epoch + 1))
      return { outcome: 'lost', reason: `${fault.device} is unplugged` };
    if (fault.kind !== 'iommu-table') continue;
    if (step.epoch === epoch + 1)
      return { outcome: 'corrupt', reason: `the tables of ${fault.device} are damaged in the next kernel` };
    // A device that is opened again gets new tables.
    if (step.epoch !== epoch || !names.includes(fault.device)) continue;
    if (step.at === 'jump')
      return {
        outcome: 'lost',
        reason: `the tables of ${fault.device} are damaged during the kexec, so the next kernel does not take it over`,
      };
    return {
      outcome: 'refused',
      reason: `the tables of ${fault.device} differ from the preserved ones, so the kexec is refused`,
    };
  }
  return null;
}

/** Upstream's handler of the descriptor, in the series for 7.4. */
const UPSTREAM = 'vfio-pci';

/** What upstream's series refuses, or does not promise. It freezes devices in the order of preservation. */
function upstreamEffect(
  scenario: Planned,
  preserved: readonly Preserve[],
  epoch: number,
  { versions }: KernelFacts,
): ScenarioEffect | null {
  const armed = preserved.findIndex(({ device }) => hasInterrupt(scenario, device, epoch));
  const name = preserved[armed]?.device;
  if (armed > 0)
    return {
      outcome: 'corrupt',
      reason: `an interrupt of ${name} is still set up, so it does not freeze; those before it stay dead`,
    };
  if (armed === 0)
    return { outcome: 'refused', reason: `an interrupt of ${name} is still set up, so it does not freeze` };
  const running = preserved.find(({ device }) => levelOf(scenario, device) === 'dma');
  return running === undefined || versions.some((each) => hardwarePart(each.name) === 'iommu')
    ? null
    : {
        outcome: 'corrupt',
        reason: `nothing hands over the IOMMU's tables, and ${running.device} must reach its memory all the time`,
      };
}

/** The lab tries an interrupt of edu wherever it checks it, and leaves it set up unless the scenario says no. */
function hasInterrupt({ hardware, steps }: Planned, name: string, epoch: number): boolean {
  const device = hardware?.devices.find((each) => each.name === name);
  return (
    device?.model === 'edu' &&
    device.interrupts === 'armed' &&
    steps.some((step) => step.op === 'device-check' && step.device === name && step.epoch === epoch)
  );
}

/** lukeep.freeze_fails= is the number of the device that refuses to freeze. Those before it are already frozen. */
function freezeFails(devices: number, cmdline = ''): ScenarioEffect | null {
  const number = Number(valuesOf(cmdline, 'lukeep.freeze_fails').at(-1) ?? 0);
  if (!(number >= 1 && number <= devices)) return null;
  if (number > 1 && valuesOf(cmdline, 'lukeep.mode').at(-1) === 'freeze-kills') {
    return {
      outcome: 'corrupt',
      reason:
        'a device refuses to freeze, and lukeep makes the old kernel leave the devices dead that were frozen before it',
    };
  }
  return { outcome: 'refused', reason: 'lukeep makes a device refuse to freeze, so the kexec is refused' };
}

function levelOf({ hardware }: Planned, device: string): DeviceLevel {
  return hardware?.devices.find(({ name }) => name === device)?.level ?? 'dma';
}

function opens({ steps }: Planned, device: string, epoch: number): boolean {
  return steps.some(
    (step) =>
      step.epoch === epoch && (step.op === 'device-retrieve' || step.op === 'device-open') && step.device === device,
  );
}

function faultIn(faults: Readonly<Record<string, ScenarioEffect>>, cmdline = ''): ScenarioEffect | null {
  const words = ['lukeep.mode', 'lukeep.pretend'].map((name) => valuesOf(cmdline, name).at(-1) ?? '');
  return (
    words
      .filter((word) => Object.hasOwn(faults, word))
      .map((word) => faults[word])
      .find((each) => each !== undefined) ?? null
  );
}
