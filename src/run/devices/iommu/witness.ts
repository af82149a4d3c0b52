// SPDX-License-Identifier: Apache-2.0
// The witness `iommu`: QEMU's trace of translation and of configuration space, and the IOMMU's registers. It is needed
// once a device was used behind an IOMMU: without it, a gap, a reset or a stray transfer would go unseen.
import type { Scenario } from '../../../model/scenario/scenario.js';
import { contradictionOf } from '../../../oracles/iommu/index.js';
import { OTHER_QEMU } from '../../../qemu/features/probe.js';
import type { DeviceState } from '../../state/device.js';
import type { Recorder } from '../../engine/recorder.js';
import type { TraceLog } from '../trace.js';

const LESS_LOAD =
  'run it again on a host with less to do; a machine that floods its devices with writes hides what it does to them';

/** The parts of a run that the witness needs. */
export interface Sighted {
  recorder: Recorder;
  trace: TraceLog | null;
  plan: { scenario: Pick<Scenario, 'hardware'> };
  state: { devices: ReadonlyMap<string, Pick<DeviceState, 'everOpen'>> };
}

interface Blindness {
  why: string;
  hint: string;
  /** The trace proves nothing, so no verdict may follow from it. */
  useless: boolean;
}

/**
 * Notes for the update that is judged whether the witness could see.
 * @returns false where the trace is useless: no verdict may follow from it
 */
export function witnessIommu({ recorder, state, trace, plan }: Sighted): boolean {
  const { kind } = plan.scenario.hardware.iommu;
  if (kind === 'none' || ![...state.devices.values()].some(({ everOpen }) => everOpen)) return true;
  const { witnesses, epoch } = recorder;
  witnesses.require('iommu', epoch);
  trace?.look();
  const blind = trace === null ? NO_TRACE : blindnessOf(trace, kind);
  if (blind !== null) witnesses.blind('iommu', epoch, blind.why, blind.hint);
  if (trace !== null && sawOf(trace) > 0) witnesses.looked('iommu', epoch, trace.seen(sawOf(trace)));
  return blind?.useless !== true;
}

const NO_TRACE: Blindness = {
  why: 'QEMU was started without its trace',
  hint: 'run it with all looks from outside',
  useless: true,
};

/** Trace events that made sense, and reads of registers. */
function sawOf({ read, registers }: TraceLog): number {
  return read.pci + read.iommu + registers.filter(({ translating }) => translating !== null).length;
}

/** Why the witness is blind; null where it can see. */
export function blindnessOf(trace: TraceLog, kind: 'intel' | 'amd' | 'virtio'): Blindness | null {
  const { read, unread, unreadLine, dropped, lostBytes, switchesDropped, registers } = trace;
  const useless = (why: string): Blindness => ({ why, hint: OTHER_QEMU, useless: true });
  const holes = (why: string): Blindness => ({ why, hint: LESS_LOAD, useless: false });
  if (unread > 0) return useless(`${unread} lines of QEMU's trace are not understood, the first: ${unreadLine}`);
  if (read.pci + read.iommu === 0) return useless('QEMU wrote no trace at all');
  // Each kernel turns translation on before a device is opened.
  if (!trace.iommu.some(({ event }) => event.kind === 'enable')) {
    return useless(
      `a device was used behind the IOMMU (${kind}), and QEMU's trace never says that translation went on`,
    );
  }
  if (read.pci === 0)
    return useless('QEMU traced no write to configuration space, and each kernel makes some as it boots');
  const contradiction = contradictionOf({
    events: trace.iommu.map(({ t, event }) => ({ t, kind: event.kind })),
    registers,
  });
  if (contradiction !== null && switchesDropped + lostBytes === 0) return useless(contradiction);
  if (lostBytes > 0)
    return holes(
      `${lostBytes} bytes of QEMU's trace came too fast and were not read: a reset or a gap may be among them`,
    );
  if (switchesDropped > 0) return holes(`${switchesDropped} switches of the translation were too many to keep`);
  if (dropped > 0)
    return holes(`${dropped} writes to configuration space were too many to keep: a reset may be among them`);
  if (registers.some(({ translating }) => translating === null))
    return useless('the registers of the IOMMU could not be read');
  return null;
}
