// SPDX-License-Identifier: Apache-2.0
// Judges devices in the old kernel after an update was called off: each must be in its place and work as before. A
// device may be dead if its handler froze it before another handler refused, so each open device is used again.
import type { DeviceOfResult } from '../../model/result/hardware-result.js';
import type { DeviceLook, PciDifferenceKind } from '../../model/kernel/pci.js';
import { compareTables } from '../../oracles/iommu/index.js';
import { comparePci } from '../../oracles/pci/pci.js';
import type { Needs } from '../engine/parts.js';
import { checkDevice } from './check.js';
import { ALWAYS, doneTo, meaning, MAX_DURING } from './changes.js';
import { type Judged, report } from './judge.js';
import type { DeviceState } from '../state/device.js';
import { witnessIommu } from './iommu/witness.js';

/** The same kernel runs all the time: the configuration of a device that stays open must not change. */
const WHILE_OPEN: readonly PciDifferenceKind[] = [
  ...ALWAYS,
  'memory-off',
  'bus-mastering-off',
  'bridge-bus-mastering-off',
];

/** Judges all devices of the old kernel, once for each update that was called off. */
export async function judgeKeptDevices(
  parts: Needs<'plan' | 'recorder' | 'state' | 'deadlines' | 'agents' | 'view' | 'machine' | 'trace'>,
): Promise<DeviceOfResult[]> {
  const { devices } = parts.state;
  for (const device of devices.values()) await useAgain(parts, device);
  parts.trace?.look();
  witnessIommu(parts);
  return [...devices.values()].map((device) => judgeKept(parts, device));
}

/** Checks registers, an interrupt and DMA through all mappings, and notes failures with the device. */
async function useAgain(
  parts: Needs<'plan' | 'recorder' | 'state' | 'deadlines' | 'agents' | 'view' | 'machine' | 'trace'>,
  device: DeviceState,
): Promise<void> {
  if (!device.open) return;
  const { errno, ok, at } = await checkDevice(parts, device);
  if (!ok)
    device.problems.push({
      epoch: parts.recorder.epoch,
      what: `it cannot be used any more: ${at ?? 'device-check'}: ${errno ?? 'EUNKNOWN'}`,
    });
}

/** Judges one device by the looks so far; does no I/O. */
export function judgeKept(parts: Needs<'recorder' | 'state' | 'trace'>, device: DeviceState): DeviceOfResult {
  const { spec, address } = device;
  const { epoch } = parts.recorder;
  const first = device.looks.find((look) => look.epoch === epoch) ?? null;
  const set = device.open
    ? (device.looks.find((look) => look.epoch === epoch && look.t >= device.openedAt && isInUse(look)) ?? null)
    : null;
  const before = set ?? first;
  const after =
    device.looks.findLast((look) => look.epoch === epoch && (look.moment === 'end' || look.moment === 'use')) ?? null;
  const events = before === null ? [] : doneTo(parts, device, before, after);
  const resets = events.filter(({ what }) => what === 'reset');
  const gone = after?.view === null;
  const judged: Judged[] = [
    ...moved(before, after, set === null ? ALWAYS : WHILE_OPEN),
    ...(set !== null && resets.length > 0
      ? [
          {
            problem:
              `it was reset ${resets.length === 1 ? 'once' : `${resets.length} times`} (${resets[0]?.detail}), ` +
              'though nobody closed it',
            implies: 'corrupt' as const,
            component: 'vfio' as const,
          },
        ]
      : []),
    ...reachProblems(device, epoch),
    ...device.problems
      .filter((each) => each.epoch === epoch)
      .map(({ what }) => ({
        problem: what,
        implies: gone ? ('lost' as const) : ('corrupt' as const),
        component: null,
      })),
  ];
  report(parts, device, judged, null);
  return {
    name: spec.name,
    device: spec.model,
    address,
    preserve: spec.preserve,
    epoch,
    carried: null,
    level: null,
    before: before?.view ?? null,
    after: after?.view ?? null,
    resets: resets.length,
    during: events.slice(0, MAX_DURING),
    backing: null,
    transfer: null,
    problems: [...new Set(judged.map(({ problem }) => problem))],
  };
}

function isInUse({ moment }: DeviceLook): boolean {
  return moment === 'use' || moment === 'kexec';
}

function moved(before: DeviceLook | null, after: DeviceLook | null, kinds: readonly PciDifferenceKind[]): Judged[] {
  if (before === null || after === null) return [];
  return comparePci(before.view, after.view)
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ kind, detail }) => ({
      problem: detail,
      implies: meaning(kind, { kept: kinds === WHILE_OPEN }),
      component: 'pci' as const,
    }));
}

/** Its mappings must lead to the same pages. Tables that the lab damaged on purpose are not compared. */
function reachProblems(device: DeviceState, epoch: number): Judged[] {
  const looks = device.tables.filter((look) => look.epoch === epoch && look.t >= device.openedAt);
  const [first, last] = [looks[0], looks.at(-1)];
  if (
    !device.open ||
    first === undefined ||
    last === undefined ||
    first === last ||
    looks.some(({ damaged }) => damaged)
  )
    return [];
  const { lost, changed, rights } = compareTables(first.tables, last.tables);
  return lost + changed + rights === 0
    ? []
    : [
        {
          problem: `${lost + changed + rights} of the pages that were mapped for it lead elsewhere or nowhere`,
          implies: 'corrupt',
          component: 'iommu',
        },
      ];
}
