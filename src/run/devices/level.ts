// SPDX-License-Identifier: Apache-2.0
// The level at which a device was kept over an update, from what was seen from outside.
import type { DeviceLook } from '../../model/kernel/pci.js';
import type { DeviceLevel } from '../../model/scenario/device.js';
import { comparePci } from '../../oracles/pci/pci.js';

/** What was seen of a device whose descriptor LUO carried. */
export interface SeenAcross {
  leaving: DeviceLook | null;
  arriving: DeviceLook | null;
  resets: number;
}

/** The highest level whose conditions the device itself met. What the IOMMU shows may lower it. */
export function levelReached({ leaving, arriving, resets }: SeenAcross): DeviceLevel {
  const lost = comparePci(leaving?.view ?? null, arriving?.view ?? null).map(({ kind }) => kind);
  if (resets > 0 || lost.some((kind) => kind === 'memory-off' || kind === 'registers')) return 'address';
  return lost.some((kind) => kind === 'bus-mastering-off' || kind === 'bridge-bus-mastering-off') ? 'state' : 'dma';
}

/** At the level `address` nobody knows yet what the device may reach, so it must not be bus master on arrival. */
export function isMasterTooEarly(level: DeviceLevel, arriving: DeviceLook | null): boolean {
  return level === 'address' && arriving?.view?.busMaster === true;
}
