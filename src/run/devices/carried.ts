// SPDX-License-Identifier: Apache-2.0
// How a device came into the running kernel.
import type { DeviceOfResult } from '../../model/result/hardware-result.js';
import type { Needs } from '../engine/parts.js';
import type { DeviceState } from '../state/device.js';

/** Null where the scenario does not ask for it in this epoch and need not, or nobody can tell any more. */
export function carriedOf(
  { recorder, plan }: Needs<'plan' | 'recorder'>,
  device: DeviceState,
  ended: boolean,
  gone: boolean,
): DeviceOfResult['carried'] {
  const { epoch } = recorder;
  const asked = isAskedFor(plan, device, epoch);
  const owed = device.carriedBy !== null;
  if (ended || !(asked || owed) || !device.everOpen) return null;
  if (gone || device.unusable.includes(epoch)) return 'lost';
  if (device.retrieved) return 'kept';
  if (!asked) return 'lost';
  return device.look(epoch, 'use') !== null || device.open ? 'recreated' : 'lost';
}

export function isAskedFor(
  { scenario: { steps } }: Needs<'plan'>['plan'],
  { spec: { name } }: DeviceState,
  epoch: number,
): boolean {
  return steps.some(
    (step) =>
      step.epoch === epoch && (step.op === 'device-open' || step.op === 'device-retrieve') && step.device === name,
  );
}

/** Why a device counts as lost, where no call that failed says more. */
export function lostText(device: DeviceState, { gone, asked }: { gone: boolean; asked: boolean }): string {
  if (gone) return 'nobody can use it';
  if (!asked) return 'it was handed over, and nobody asked for its descriptor';
  if (device.retrieved) return 'its descriptor came back and is of no use';
  return device.spec.preserve === 'required' || device.carriedBy !== null
    ? 'its descriptor did not come back'
    : 'it could not be opened again';
}
