// SPDX-License-Identifier: Apache-2.0
// Devices of guests: attaches them to a paused guest, and judges them after an update by the guest's own counts.
import { guestFiles, type GuestAction } from '../../model/scenario/guest.js';
import type { DeviceCounts, DeviceOfGuest } from '../../model/result/guest-result.js';
import type { Needs } from '../engine/parts.js';
import { agentName, attach } from '../devices/calls.js';
import type { DeviceState } from '../state/device.js';
import { deviceStep } from '../devices/steps.js';
import { askGuest } from './calls.js';
import type { DeviceStat, GuestState } from '../state/guest.js';
import { noteHardware } from '../record/hardware-mismatches.js';
import { LEFT_OUT, type StepReply } from '../agent/reply.js';

/** A device that was reopened is reset; a device whose descriptor was kept is left as it is. */
export async function attachToGuest(
  parts: Needs<'state' | 'agents'>,
  guest: GuestState,
  step: Pick<Extract<GuestAction, { op: 'guest-attach' }>, 'device' | 'reset'>,
): Promise<StepReply> {
  const device = parts.state.devices.get(step.device);
  if (!guest.here) return LEFT_OUT;
  if (device?.open !== true) return { ok: false, errno: 'ENODEV', at: `${step.device} is not open` };
  const attached = await attach(parts, device);
  if (!attached.ok) return attached;
  const reset = step.reset ?? !device.retrieved;
  const reply = await askGuest(parts, 'guest-attach', {
    guest: guest.spec.name,
    device: agentName(device),
    ...(reset ? { reset: 1 } : {}),
  });
  if (reply.ok) device.guest = { name: guest.spec.name, reset };
  return reply;
}

/** After an update that was called off: reopens the devices closed for it and gives them back to the guest. */
export async function giveBack(
  parts: Needs<'plan' | 'recorder' | 'state' | 'deadlines' | 'agents' | 'view' | 'machine' | 'trace'>,
  guest: GuestState,
): Promise<void> {
  for (const name of guest.spec.devices) {
    const device = parts.state.devices.get(name);
    if (device === undefined || device.guest !== null || !device.everOpen) continue;
    if (!device.open) {
      await deviceStep(parts, { op: 'device-open', device: name, optional: false, errno: null });
      await deviceStep(parts, {
        op: 'device-map',
        device: name,
        map: { file: guestFiles(guest.spec.name).ram, iova: 0, rights: 'rw' },
        optional: false,
        errno: null,
      });
    }
    await attachToGuest(parts, guest, { device: name, reset: null });
  }
}

export interface JudgedDevices {
  records: DeviceOfGuest[];
  /** Problems with devices that the guest no longer has. */
  lost: string[];
  /** Problems with devices that it still has. */
  wrong: string[];
}

/**
 * Judges the devices of a guest in the running kernel: compares the guest's counts with those before the update.
 * @param update 'called-off' where the old kernel went on and nothing was carried
 */
export function judgeDevicesOf(
  { state }: Needs<'state'>,
  guest: GuestState,
  update: 'through' | 'called-off',
): JudgedDevices {
  const judged: JudgedDevices = { records: [], lost: [], wrong: [] };
  const after = guest.now.stat?.devices ?? null;
  for (const name of guest.spec.devices) {
    const device = state.devices.get(name);
    const [before, now] = [countsOf(guest.devicesBefore, name), after === null ? null : countsOf(after, name)];
    const has = device?.guest?.name === guest.spec.name;
    const notCarried = update === 'called-off' || (!has && !guest.restored);
    const carried = notCarried ? null : !has ? 'lost' : device.retrieved ? 'kept' : 'recreated';
    judged.records.push({ device: name, carried, before, after: now });
    const unanswered = now === null ? 0 : now.gone - (before?.gone ?? 0);
    if (!has && guest.here) judged.lost.push(`it no longer has ${name}`);
    else if (has && unanswered > 0) judged.lost.push(`${name} did not answer it at ${unanswered} ticks`);
    else if (has && now !== null) judged.wrong.push(...wrongWith(name, device, before, now));
    const resets = has && device.retrieved && now !== null ? now.resets - (before?.resets ?? 0) : 0;
    if (resets > 0)
      noteHardware(
        state.hardware,
        'vfio',
        `${name}: guest ${guest.spec.name} found it reset, though its descriptor was kept`,
      );
  }
  return judged;
}

function wrongWith(name: string, device: DeviceState, before: DeviceCounts | null, now: DeviceCounts): string[] {
  const more = (key: keyof DeviceCounts) => now[key] - (before?.[key] ?? 0);
  const times = (count: number) => (count === 1 ? 'once' : `${count} times`);
  const resetByLab = device.guest?.reset === true && !device.retrieved;
  return [
    ...(more('resets') > (resetByLab ? 1 : 0)
      ? [`it found ${name} reset ${times(more('resets'))}${device.retrieved ? ', though its descriptor was kept' : ''}`]
      : []),
    ...(more('wrong') > 0 ? [`${more('wrong')} of its transfers through ${name} brought back something else`] : []),
    ...(more('unended') > 0 ? [`${more('unended')} of its transfers through ${name} did not end`] : []),
    ...(more('done') <= 0 ? [`none of its transfers through ${name} came to an end since`] : []),
  ];
}

function countsOf(stats: readonly DeviceStat[], name: string): DeviceCounts | null {
  const stat = stats.find(({ device }) => device === name);
  if (stat === undefined) return null;
  const { device: _, ...counts } = stat;
  return counts;
}
