// SPDX-License-Identifier: Apache-2.0
// Compares each device with its state before the kexec: its identity, its configuration, its registers and its content.
import { hardwarePart } from '../../compat/index.js';
import type { HardwareComponent } from '../../model/kernel/component.js';
import type { DeviceOfResult } from '../../model/result/hardware-result.js';
import type { Outcome } from '../../model/result/outcome.js';
import type { PciEvent } from '../../oracles/pci/trace.js';
import type { Needs } from '../engine/parts.js';
import type { MachineLife } from '../machine/ending.js';
import { noteHardware } from '../record/hardware-mismatches.js';
import type { DeviceState, InFlight } from '../state/device.js';
import { lookAtBacking } from './backing.js';
import { carriedOf, isAskedFor, lostText } from './carried.js';
import { differences, doneTo, meaning, MAX_DURING } from './changes.js';
import { isMasterTooEarly, levelReached } from './level.js';
import { flightText } from './transfers.js';

/** Judges all devices in the running kernel; problems become incidents. */
export function judgeDevices(
  parts: Needs<'plan' | 'recorder' | 'state' | 'view' | 'trace'>,
  machine: MachineLife,
): DeviceOfResult[] {
  const ended = machine === 'ended';
  parts.trace?.look();
  return [...parts.state.devices.values()].map((device) => judgeDevice(parts, device, { ended }));
}

export interface Judged {
  problem: string;
  implies: Outcome | null;
  /** The component whose mismatch it shows; null where it may have other causes. */
  component: HardwareComponent | null;
}

function judgeDevice(
  parts: Needs<'plan' | 'recorder' | 'state' | 'view' | 'trace'>,
  device: DeviceState,
  { ended }: { ended: boolean },
): DeviceOfResult {
  const { recorder, plan } = parts;
  const { epoch } = recorder;
  const { spec } = device;
  const [useBefore, useAfter] = [device.look(epoch - 1, 'use'), device.look(epoch, 'use')];
  // For a device that was gone before the kexec, the last look that showed it counts.
  const leaving = device.looks.findLast((look) => look.epoch === epoch - 1 && look.view !== null) ?? null;
  const arriving = device.look(epoch, 'arrival');
  const before = useBefore ?? leaving;
  const after = useAfter ?? device.look(epoch, 'end') ?? arriving;
  const gone = device.look(epoch, 'end')?.view === null;
  const carried = carriedOf(parts, device, ended, gone);
  const asked = isAskedFor(plan, device, epoch);
  const events = before === null ? [] : doneTo(parts, device, before, after);
  const resets = events.filter(({ what }) => what === 'reset');
  const backing = spec.size === 0 ? null : lookAtBacking(spec, plan.dir);
  const transfer = device.transfers.findLast((each) => each.epoch === epoch - 1) ?? null;
  if (transfer?.fate === 'landed' && wasEarly(parts, transfer, events)) transfer.fate = 'early';
  const judged: Judged[] = ended
    ? []
    : [
        ...differences(leaving, gone ? device.look(epoch, 'end') : arriving, useBefore, useAfter, {
          kept: carried === 'kept',
          level: spec.level,
        }).map((each) => ({
          problem: each.detail,
          implies: meaning(each.kind, { kept: carried === 'kept' }),
          component: 'pci' as const,
        })),
        ...(carried === 'kept' && isMasterTooEarly(spec.level, arriving)
          ? [
              {
                problem: 'it was bus master when the next kernel was up, before anybody had mapped memory for it',
                implies: 'corrupt' as const,
                component: 'pci' as const,
              },
            ]
          : []),
        // Opening a device resets it; a device that was kept must not be reset, unless only its address is kept.
        ...(resets.length > 0 &&
        ((carried === 'kept' && spec.level !== 'address') || (carried === 'lost' && device.carriedBy !== null))
          ? [
              {
                problem:
                  `it was reset ${resets.length === 1 ? 'once' : `${resets.length} times`} ` + `(${resets[0]?.detail})`,
                implies: carried === 'kept' ? ('corrupt' as const) : ('lost' as const),
                component: 'vfio' as const,
              },
            ]
          : []),
        ...device.problems
          .filter((each) => each.epoch === epoch)
          .map(({ what }) => ({
            problem: what,
            implies: carried === 'lost' ? ('lost' as const) : ('corrupt' as const),
            component: null,
          })),
        ...(carried === 'lost'
          ? [
              {
                problem: lostText(device, { gone, asked }),
                implies: 'lost' as const,
                component:
                  spec.preserve === 'required' && !gone && asked && !explained(parts) ? ('vfio' as const) : null,
              },
            ]
          : []),
        ...(backing !== null && backing.different > 0
          ? [
              {
                problem:
                  `${backing.different} of ${backing.pages} pages behind it hold something else, first page ` +
                  `${backing.first}`,
                implies: 'corrupt' as const,
                component: null,
              },
            ]
          : []),
      ];
  if (transfer !== null && (transfer.fate === 'strayed' || transfer.fate === 'partly'))
    judged.push({ problem: flightText(transfer), implies: 'corrupt', component: 'iommu' });
  report(parts, device, judged, transfer);
  return {
    name: spec.name,
    device: spec.model,
    address: device.address,
    preserve: spec.preserve,
    epoch,
    carried,
    level: carried === 'kept' ? levelReached({ leaving, arriving, resets: resets.length, events }) : null,
    before: before?.view ?? null,
    after: after?.view ?? null,
    resets: resets.length,
    during: events.slice(0, MAX_DURING),
    backing: backing === null ? null : { pages: backing.pages, different: backing.different },
    transfer:
      transfer === null
        ? null
        : {
            iova: hex(transfer.iova),
            phys: hex(transfer.phys),
            length: transfer.length,
            began: transfer.began,
            fate: transfer.fate ?? 'unknown',
          },
    problems: [...new Set(judged.map(({ problem }) => problem))],
  };
}

/**
 * True where the kernel itself reports a mismatch of a device. A descriptor that does not come back follows from that,
 * and is no further mismatch.
 */
function explained({ view }: Needs<'view'>): boolean {
  return view.findings.some(({ component }) => component !== null && hardwarePart(component.component) !== null);
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** Milliseconds of the machine's own time after which edu moves its bytes (hw/misc/edu.c, QEMU 7.2). */
const DELAY = 100;

/** True where the transfer ended before anything could block it: it says nothing about the kexec. */
function wasEarly(
  { recorder, trace }: Needs<'recorder' | 'trace'>,
  { began, epoch }: InFlight,
  events: readonly PciEvent[],
): boolean {
  const off = [
    ...events.filter(({ t, what }) => t > began && what === 'bus mastering off').map(({ t }) => t),
    ...(trace?.iommu ?? []).filter(({ t, event }) => t > began && event.kind === 'disable').map(({ t }) => t),
    recorder.beganAt(epoch + 1),
  ];
  return Math.min(...off) > began + DELAY;
}

export function report(
  { recorder, state }: Needs<'recorder' | 'state'>,
  { spec }: DeviceState,
  judged: readonly Judged[],
  transfer: InFlight | null,
): void {
  for (const implies of new Set(judged.map((each) => each.implies))) {
    const problems = [...new Set(judged.filter((each) => each.implies === implies).map(({ problem }) => problem))];
    const title =
      implies === 'lost'
        ? 'a device is lost'
        : implies === 'corrupt'
          ? 'a device is not what it was'
          : 'a device has changed';
    recorder.incident({
      source: 'qmp',
      side: 'outside',
      implies,
      title,
      detail: `${spec.name} (${spec.model}): ${problems.join('; ')}`,
    });
  }
  for (const { problem, implies, component } of judged)
    if (component !== null && implies !== null) noteHardware(state.hardware, component, `${spec.name}: ${problem}`);
  if (transfer?.fate === 'blocked' || transfer?.fate === 'early') {
    recorder.incident({
      source: 'memory',
      side: 'outside',
      implies: null,
      title: transfer.fate === 'blocked' ? 'DMA in flight was blocked' : 'DMA in flight was over before the jump',
      detail: `${spec.name}: ${flightText(transfer)}`,
    });
  }
}
