// SPDX-License-Identifier: Apache-2.0
// Up to which rung a scenario can start from a saved machine. From `booted` the whole scenario still runs. From `jump`
// on, what the first kernel did is answered from the journal, so nothing in it may depend on more than its agent.
import type { Fault, Scenario, Step } from '../model/scenario/scenario.js';

/** `why`: what keeps the scenario from a later rung. */
export type Eligible = { rung: 'jump' } | { rung: 'booted'; why: string };

const COMMAND = 'a command of the scenario runs in the first kernel';
const CLIENTS = 'several clients work in the first kernel';
const DESCRIPTORS = 'descriptors of any kind are used in the first kernel';
const DEVICES = 'devices are used in the first kernel';
const GUESTS = 'guests run in the first kernel';

/** Why a step of the first kernel keeps a scenario from `jump`; null if it does not. */
const STEPS: Readonly<Record<Step['op'], string | null>> = {
  open: null,
  create: null,
  memfd: null,
  object: null,
  preserve: null,
  'retrieve-session': null,
  retrieve: null,
  check: null,
  finish: null,
  close: null,
  write: null,
  truncate: null,
  fallocate: null,
  seal: null,
  reopen: null,
  seek: null,
  'get-name': null,
  link: null,
  ioctl: null,
  load: null,
  kexec: null,
  // The faults at the jump have a table of their own.
  fault: 'a fault changes the first kernel before the jump',
  abort: 'the update is called off',
  'kill-agent': 'the agent of the first kernel is killed',
  descriptor: DESCRIPTORS,
  'preserve-fd': DESCRIPTORS,
  'retrieve-fd': DESCRIPTORS,
  'close-fd': DESCRIPTORS,
  client: CLIENTS,
  pass: CLIENTS,
  kill: CLIENTS,
  'start-userspace': 'another system is its user space',
  exec: COMMAND,
  kselftest: COMMAND,
  upload: COMMAND,
  'hotplug-memory': 'memory is added to the machine',
  'device-open': DEVICES,
  'device-map': DEVICES,
  'device-preserve': DEVICES,
  'device-retrieve': DEVICES,
  'iommu-preserve': DEVICES,
  'iommu-retrieve': DEVICES,
  'device-check': DEVICES,
  'device-dma': DEVICES,
  'device-close': DEVICES,
  'guest-create': GUESTS,
  'guest-run': GUESTS,
  'guest-wait': GUESTS,
  'guest-pause': GUESTS,
  'guest-save': GUESTS,
  'guest-restore': GUESTS,
  'guest-attach': GUESTS,
  'guest-resume': GUESTS,
  'guest-check': GUESTS,
  'guest-close': GUESTS,
};

const EARLIER = 'a fault at the jump acts while the first kernel still shuts down';

/** Why a fault at the jump keeps a scenario from `jump`; null if it does not. */
const FAULTS: Readonly<Record<Fault['kind'], string | null>> = {
  replace: null,
  flip: null,
  change: null,
  unplug: DEVICES,
  'iommu-table': DEVICES,
  'triple-fault': EARLIER,
  reset: EARLIER,
  stop: EARLIER,
  nmi: EARLIER,
};

/** @param knowsJump whether the lab knows where the first kernel jumps */
export function eligible(
  { steps, expect }: Pick<Scenario, 'steps' | 'expect'>,
  { knowsJump }: { knowsJump: boolean },
): Eligible {
  const first = steps.filter(({ epoch }) => epoch === 0);
  const kexecs = first.filter(({ op }) => op === 'kexec');
  const why =
    first.map(whyNot).find((each) => each !== null) ??
    (kexecs.length === 0 ? 'the first kernel does not jump' : null) ??
    // If it comes as expected, the run never reaches the jump and would save nothing.
    (expect.outcome === 'refused' ? 'the update is to be refused' : null) ??
    (kexecs.length > 1 ? 'the first kernel tries more than one kexec' : null) ??
    (knowsJump ? null : 'the lab does not know where the first kernel jumps');
  return why === null ? { rung: 'jump' } : { rung: 'booted', why };
}

function whyNot(step: Step): string | null {
  if (step.during !== undefined) return 'a step races the kexec';
  if (step.by !== undefined) return CLIENTS;
  if (step.op === 'fault' && step.at === 'jump') return FAULTS[step.fault.kind];
  // A kexec that may fail is followed by steps in the same kernel.
  if (step.op === 'kexec' && ((step.errno !== null && step.errno !== 'OK') || step.accepts !== undefined))
    return 'the kexec may fail';
  return STEPS[step.op];
}

/** Whether a fault at the first jump comes before what later rungs hold. */
export function hasJumpFault({ steps }: Pick<Scenario, 'steps'>): boolean {
  return steps.some((step) => step.epoch === 0 && step.op === 'fault' && step.at === 'jump');
}
