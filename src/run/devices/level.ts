// SPDX-License-Identifier: Apache-2.0
// The level at which a device was kept over an update, from what was seen from outside.
import type { DeviceLook } from '../../model/kernel/pci.js';
import type { DeviceLevel } from '../../model/scenario/device.js';
import { comparePci } from '../../oracles/pci/pci.js';
import type { PciEvent } from '../../oracles/pci/trace.js';

/** What was seen of a device whose descriptor LUO carried. */
export interface SeenAcross {
  leaving: DeviceLook | null;
  arriving: DeviceLook | null;
  resets: number;
  /** What was done to it in both kernels. */
  events: readonly PciEvent[];
}

/** The highest level whose conditions the device itself met. What the IOMMU shows may lower it. */
export function levelReached({ leaving, arriving, resets, events }: SeenAcross): DeviceLevel {
  const lost = comparePci(leaving?.view ?? null, arriving?.view ?? null).map(({ kind }) => kind);
  // A driver of the next kernel may have started it again by now.
  const between = events.filter(({ t }) => t > (leaving?.t ?? Infinity) && t < (arriving?.t ?? 0));
  // The next kernel turns memory off for a moment to read the BARs. The old one has no reason to, but to stop it.
  const stopped = between.some(({ what, epoch }) => what === 'memory off' && epoch === leaving?.epoch);
  if (resets > 0 || stopped || lost.some((kind) => kind === 'memory-off' || kind === 'registers')) return 'address';
  return between.some(({ what }) => what === 'bus mastering off') ||
    lost.some((kind) => kind === 'bus-mastering-off' || kind === 'bridge-bus-mastering-off')
    ? 'state'
    : 'dma';
}

/** At the level `address` nobody knows yet what the device may reach, so it must not be bus master on arrival. */
export function isMasterTooEarly(level: DeviceLevel, arriving: DeviceLook | null): boolean {
  return level === 'address' && arriving?.view?.busMaster === true;
}
