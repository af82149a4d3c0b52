// SPDX-License-Identifier: Apache-2.0
// Steps on devices: sends the calls to the agent and updates the state of the run by its answers.
import type { DeviceAction } from '../../model/scenario/device.js';
import { LabError } from '../../util/errors.js';
import type { Needs } from '../engine/parts.js';
import { agentName, ask, attach, iommufdName } from './calls.js';
import { checkDevice } from './check.js';
import type { Demand } from '../engine/operation.js';
import type { DeviceState } from '../state/device.js';
import { noteHardware } from '../record/hardware-mismatches.js';
import { beginTransfer } from './transfers.js';
import { LEFT_OUT, type StepReply } from '../agent/reply.js';

export async function deviceStep(
  parts: Needs<'plan' | 'recorder' | 'state' | 'deadlines' | 'agents' | 'view' | 'machine' | 'trace'>,
  step: DeviceAction & Demand,
): Promise<StepReply> {
  const device = parts.state.devices.get(step.device);
  if (device === undefined) throw new LabError(`the scenario has no device ${step.device}`);
  switch (step.op) {
    case 'device-open':
      return step.optional && device.retrieved ? LEFT_OUT : open(parts, device, 'new');
    case 'device-map':
      return map(parts, device, step);
    case 'device-preserve':
      return preserve(parts, device, step);
    case 'device-retrieve':
      return step.optional && device.carriedBy === null ? LEFT_OUT : retrieve(parts, device, step);
    case 'iommu-preserve':
      return preserveIommufd(parts, device, step);
    case 'iommu-retrieve':
      return step.optional && !device.iommufd.carried ? LEFT_OUT : retrieveIommufd(parts, device, step);
    case 'device-check':
      return device.open ? checkDevice(parts, device) : LEFT_OUT;
    case 'device-dma':
      return device.open ? beginTransfer(parts, device) : LEFT_OUT;
    case 'device-close':
      return step.optional && device.preserved !== null ? LEFT_OUT : close(parts, device);
  }
}

async function open(
  parts: Needs<'plan' | 'recorder' | 'agents'>,
  device: DeviceState,
  descriptor: 'new' | 'retrieved',
): Promise<StepReply> {
  // Only an iommufd with a name can be preserved in a session; a group has none.
  const named = parts.plan.scenario.steps.some(
    (step) => step.op === 'iommu-preserve' && step.device === device.spec.name,
  );
  const reply = await ask(parts, 'vfio-open', {
    device: agentName(device),
    address: device.address ?? '',
    ...(descriptor === 'retrieved' ? { retrieved: 1 } : {}),
    ...(named ? { iommufd: iommufdName(device) } : {}),
  });
  if (reply.ok) {
    device.open = true;
    device.openedAt = parts.recorder.clock.now();
    device.attached = false;
    device.everOpen = true;
    device.maps = [];
    parts.recorder.event({
      kind: 'note',
      text:
        `device ${device.spec.name} (${device.address}) is open by ` +
        `${reply.data['via'] === 'group' ? 'its group' : 'its own node'}`,
    });
  }
  return reply;
}

async function map(
  parts: Needs<'recorder' | 'state' | 'agents'>,
  device: DeviceState,
  { map: { file, iova, rights }, errno }: Extract<DeviceAction, { op: 'device-map' }> & Demand,
): Promise<StepReply> {
  if (!device.open) return LEFT_OUT;
  const known = parts.state.files.get(file);
  const reply = await ask(
    parts,
    'vfio-map',
    { device: agentName(device), file, iova, ...(rights === 'rw' ? {} : { rights }) },
    known?.spec.size ?? 0,
  );
  if (reply.ok) device.maps.push({ file, iova, rights });
  else if (device.carriedBy !== null && errno === null) useless(parts, device, `${file} cannot be mapped`, reply);
  return reply;
}

/**
 * A kernel without a handler answers ENOENT (PRESERVE_FD, kernel/liveupdate/luo_file.c, 6.19 to 7.3). That is a result,
 * and no failure where the device is optional.
 */
async function preserve(
  parts: Needs<'recorder' | 'state' | 'agents'>,
  device: DeviceState,
  { session, token, optional, errno }: Extract<DeviceAction, { op: 'device-preserve' }> & Demand,
): Promise<StepReply> {
  if (!device.open) return LEFT_OUT;
  // LUO preserves complete devices: a domain must be attached first.
  const attached = await attach(parts, device);
  if (!attached.ok) return attached;
  const reply = await ask(parts, 'preserve', { session, token, file: agentName(device) });
  if (reply.ok) device.preserved = { session, token };
  return reply.errno === 'ENOENT'
    ? withoutHandler(parts, device, 'vfio', reply, { optional, expected: errno === 'ENOENT' })
    : reply;
}

async function preserveIommufd(
  parts: Needs<'recorder' | 'state' | 'agents'>,
  device: DeviceState,
  { session, token, optional, errno }: Extract<DeviceAction, { op: 'iommu-preserve' }> & Demand,
): Promise<StepReply> {
  if (!device.open) return LEFT_OUT;
  const attached = await attach(parts, device);
  if (!attached.ok) return attached;
  const reply = await ask(parts, 'preserve', { session, token, file: iommufdName(device) });
  device.iommufd.preserved = reply.ok;
  return reply.errno === 'ENOENT'
    ? withoutHandler(parts, device, 'iommu', reply, { optional, expected: errno === 'ENOENT' })
    : reply;
}

/** Reports a missing handler. It is no mismatch where the device is optional or the scenario states the errno. */
function withoutHandler(
  { recorder, state }: Needs<'recorder' | 'state'>,
  device: DeviceState,
  component: 'vfio' | 'iommu',
  reply: StepReply,
  { optional, expected }: { optional: boolean; expected: boolean },
): StepReply {
  const what = component === 'vfio' ? 'descriptor' : 'iommufd';
  recorder.incident({
    source: 'agent',
    side: 'inside',
    implies: null,
    title: `the kernel has no handler for a device's ${what}`,
    detail: `${device.spec.name}: PRESERVE_FD failed with ENOENT (${reply.at ?? ''})`,
  });
  if (optional) return LEFT_OUT;
  if (!expected)
    noteHardware(state.hardware, component, `${device.spec.name}: the kernel that runs has no handler for its ${what}`);
  return reply;
}

/** The device that is retrieved next is bound to this iommufd. */
async function retrieveIommufd(
  parts: Needs<'agents'>,
  device: DeviceState,
  { session, token }: Extract<DeviceAction, { op: 'iommu-retrieve' }>,
): Promise<StepReply> {
  const reply = await ask(parts, 'retrieve', { session, token, file: iommufdName(device) });
  device.iommufd.retrieved = reply.ok;
  return reply;
}

async function retrieve(
  parts: Needs<'plan' | 'recorder' | 'agents'>,
  device: DeviceState,
  { session, token }: Extract<DeviceAction, { op: 'device-retrieve' }>,
): Promise<StepReply> {
  // LUO keeps the answer of the first retrieval, and a handler may want the device to belong to vfio-pci by then. If it
  // cannot be bound, the kernel's answer says more than ours.
  const bound = await ask(parts, 'vfio-bind', { address: device.address ?? '' });
  if (!bound.ok)
    parts.recorder.event({
      kind: 'note',
      text: `device ${device.spec.name} does not belong to vfio-pci: ${bound.at ?? 'vfio-bind'}: ${bound.errno ?? ''}`,
    });
  const reply = await ask(parts, 'retrieve', { session, token, file: agentName(device) });
  if (!reply.ok) return reply;
  const opened = await open(parts, device, 'retrieved');
  // A descriptor that cannot be bound is useless, so the device counts as kept only from here on.
  if (opened.ok) device.retrieved = true;
  else useless(parts, device, 'its descriptor came back and cannot be used', opened);
  return opened.ok ? opened : { ...opened, at: `RETRIEVE_FD passed; then ${opened.at ?? 'it could not be opened'}` };
}

/** Notes a descriptor that came back and cannot be used. */
function useless(
  { recorder: { epoch } }: Needs<'recorder'>,
  device: DeviceState,
  what: string,
  { errno, at }: StepReply,
): void {
  device.unusable.push(epoch);
  device.problems.push({ epoch, what: `${what}: ${at ?? 'a call of the agent'}: ${errno ?? 'EUNKNOWN'}` });
}

async function close(parts: Needs<'agents'>, device: DeviceState): Promise<StepReply> {
  if (!device.open) return LEFT_OUT;
  const reply = await ask(parts, 'vfio-close', { device: agentName(device) });
  if (reply.ok) device.closed();
  return reply;
}
