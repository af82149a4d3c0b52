// SPDX-License-Identifier: Apache-2.0
// What becomes of the devices of a scenario: whether the old kernel takes their descriptors, and what faults and the
// positive control's command line do to them.
import type { Scenario, Step } from '../../model/scenario/scenario.js';
import { valuesOf } from '../binary/cmdline.js';
import type { Doing } from './effects.js';
import { hardwarePart } from './hardware.js';
import { withCmdline } from '../object.js';
import type { KernelFacts } from './predict.js';

type Planned = Pick<Scenario, 'steps' | 'cmdlines'>;
type Preserve = Extract<Step, { op: 'device-preserve' }>;

export function isMeantToWork({ errno }: Pick<Step, 'errno'>): boolean {
  return errno === null || errno === 'OK';
}

/**
 * Descriptors of devices that go to a session in an epoch: those that must, and those that may if the kernel has a
 * handler.
 */
export function devicesHandedIn({ steps, cmdlines }: Planned, from: KernelFacts, epoch: number): Preserve[] {
  const handler = withCmdline(from.versions, cmdlines[epoch] ?? '').some(({ name }) => hardwarePart(name) === 'vfio');
  return steps.flatMap((step) =>
    step.op === 'device-preserve' && step.epoch === epoch && (handler || !step.optional) && isMeantToWork(step)
      ? [step]
      : [],
  );
}

/** lukeep.mode= and lukeep.pretend= of the kernel that hands a device over (lab/kernel/keep, docs/keep.md). */
const WRONGS: Readonly<Record<string, Doing>> = {
  'forget-page': {
    outcome: 'corrupt',
    reason:
      'the old kernel is told to forget a page of the tables: the device goes on through memory that the next kernel may use for something else',
  },
  'translation-off': {
    outcome: 'corrupt',
    reason: 'the old kernel is told to turn translation off for a while, with a device running',
  },
  reset: { outcome: 'lost', reason: 'the old kernel is told to reset the device: the next one does not take it over' },
  address: {
    outcome: 'lost',
    reason: 'the old kernel is told to name another address: the next one does not find the device there',
  },
  missing: { outcome: 'lost', reason: 'the old kernel is told to name a device that is not there' },
  'freeze-kills': {
    outcome: 'lost',
    reason: 'the old kernel is told to stop the device as it freezes: the next one does not take it over',
  },
};

/** The same, of the kernel that takes it over. */
const WRONGS_NEXT: Readonly<Record<string, Doing>> = {
  'leak-table': { outcome: 'leak', reason: 'the next kernel is told never to free the pages of the old tables' },
};

/** What the plan does to devices in the update that begins in `epoch`; null where nothing. */
export function deviceDoingOf(scenario: Planned, from: KernelFacts, epoch: number): Doing | null {
  const handedIn = devicesHandedIn(scenario, from, epoch);
  const kept = handedIn.map(({ device }) => device);
  const keeper = from.versions.some(({ name }) => name === 'labvfio');
  const without = scenario.steps.find(
    (step) => step.op === 'iommu-preserve' && step.epoch === epoch && !step.optional && isMeantToWork(step),
  );
  if (without !== undefined && !from.versions.some(({ name }) => name.includes('iommufd')))
    return { outcome: 'refused', reason: 'the old kernel has no handler for an iommufd: it refuses to preserve one' };
  if (kept.length > 0 && keeper) {
    const stopped = freezeFails(kept.length, scenario.cmdlines[epoch]);
    if (stopped !== null) return stopped;
    const wrong = toldTo(WRONGS, scenario.cmdlines[epoch]) ?? toldTo(WRONGS_NEXT, scenario.cmdlines[epoch + 1]);
    if (wrong !== null) return wrong;
  }
  const forgotten = handedIn.find(({ device, optional }) => !optional && !asksFor(scenario, device, epoch + 1));
  if (forgotten !== undefined)
    return { outcome: 'lost', reason: `nobody in the next kernel asks for ${forgotten.device}` };
  for (const step of scenario.steps) {
    if (step.op !== 'fault') continue;
    const { fault } = step;
    if (fault.kind === 'unplug' && (step.epoch === epoch || step.epoch === epoch + 1))
      return { outcome: 'lost', reason: `${fault.device} is pulled out` };
    if (fault.kind !== 'iommu-table') continue;
    if (step.epoch === epoch + 1)
      return { outcome: 'corrupt', reason: `the tables of ${fault.device} are damaged in the next kernel` };
    // Who makes the device anew makes its tables anew.
    if (step.epoch !== epoch || !kept.includes(fault.device)) continue;
    if (step.at === 'jump')
      return {
        outcome: 'lost',
        reason: `the tables of ${fault.device} are damaged on the way: the next kernel does not take it over`,
      };
    return {
      outcome: 'refused',
      reason: `the tables of ${fault.device} are no longer what was preserved: the kexec is refused`,
    };
  }
  return null;
}

/**
 * lukeep.freeze_fails= says which of the devices refuses to freeze; those before it are frozen by then, and may be dead
 * for it.
 */
function freezeFails(devices: number, cmdline = ''): Doing | null {
  const which = Number(valuesOf(cmdline, 'lukeep.freeze_fails').at(-1) ?? 0);
  if (!(which >= 1 && which <= devices)) return null;
  if (which > 1 && valuesOf(cmdline, 'lukeep.mode').at(-1) === 'freeze-kills') {
    return {
      outcome: 'corrupt',
      reason: 'a device refuses to freeze, and the old kernel is told to leave dead what was frozen before it',
    };
  }
  return { outcome: 'refused', reason: 'the old kernel is told that a device refuses to freeze: the kexec is refused' };
}

function asksFor({ steps }: Planned, device: string, epoch: number): boolean {
  return steps.some(
    (step) =>
      step.epoch === epoch && (step.op === 'device-retrieve' || step.op === 'device-open') && step.device === device,
  );
}

function toldTo(wrongs: Readonly<Record<string, Doing>>, cmdline = ''): Doing | null {
  const words = ['lukeep.mode', 'lukeep.pretend'].map((name) => valuesOf(cmdline, name).at(-1) ?? '');
  return (
    words
      .filter((word) => Object.hasOwn(wrongs, word))
      .map((word) => wrongs[word])
      .find((each) => each !== undefined) ?? null
  );
}
