// SPDX-License-Identifier: Apache-2.0
// Finds what changed on a device over an update, and what was done to it in between.
import type { DeviceLook, PciDifference, PciDifferenceKind } from '../../model/kernel/pci.js';
import type { DeviceLevel } from '../../model/scenario/device.js';
import type { Outcome } from '../../model/result/outcome.js';
import { comparePci } from '../../oracles/pci/pci.js';
import { type PciEvent, pciEvents } from '../../oracles/pci/trace.js';
import type { Needs } from '../engine/parts.js';
import type { DeviceState } from '../state/device.js';

/** Differences that count even for a device that is not in use. */
export const ALWAYS: readonly PciDifferenceKind[] = ['gone', 'moved', 'identity', 'class', 'bar', 'bridge'];
export const MAX_DURING = 100;

/** Interrupts belong to a kernel: the next one sets them up again, with other targets. */
const OF_A_KERNEL: readonly PciDifferenceKind[] = ['interrupts-off', 'interrupts-changed'];

/** What may be lost over the kexec at each level. User space sets it up again. */
const MAY_BE_LOST: Readonly<Record<DeviceLevel, readonly PciDifferenceKind[]>> = {
  address: ['memory-off', 'registers', 'bus-mastering-off', 'bridge-bus-mastering-off'],
  state: ['bus-mastering-off', 'bridge-bus-mastering-off'],
  dma: [],
};

/** Compares the device around the kexec, and in use where both kernels used it. */
export function differences(
  leaving: DeviceLook | null,
  arriving: DeviceLook | null,
  useBefore: DeviceLook | null,
  useAfter: DeviceLook | null,
  { kept, level }: { kept: boolean; level: DeviceLevel },
): PciDifference[] {
  const lost = kept ? MAY_BE_LOST[level] : [];
  const across =
    leaving === null || arriving === null
      ? []
      : comparePci(leaving.view, arriving.view).filter(({ kind }) =>
          kept ? !OF_A_KERNEL.includes(kind) && !lost.includes(kind) : ALWAYS.includes(kind),
        );
  const inUse =
    useBefore === null || useAfter === null
      ? []
      : comparePci(useBefore.view, useAfter.view).filter(
          ({ kind }) => kind !== 'interrupts-changed' && !(kind === 'registers' && lost.includes(kind)),
        );
  return [...new Map([...across, ...inUse].map((each) => [each.detail, each])).values()];
}

/** A device that LUO carried must be untouched; one that was reopened must be the same device and work. */
export function meaning(kind: PciDifferenceKind, { kept }: { kept: boolean }): Outcome | null {
  if (kind === 'gone') return 'lost';
  return kind === 'bar' && !kept ? null : 'corrupt';
}

export function doneTo(
  { trace }: Needs<'trace'>,
  device: DeviceState,
  before: DeviceLook,
  after: DeviceLook | null,
): PciEvent[] {
  const short = (address: string) => address.slice(5);
  if (trace === null || device.address === null) return [];
  const bridge = before.view?.bridge ?? null;
  return pciEvents(
    trace.items,
    { address: short(device.address), bridge: bridge === null ? null : short(bridge.address), express: device.express },
    before.t,
    after?.t ?? Infinity,
  );
}
