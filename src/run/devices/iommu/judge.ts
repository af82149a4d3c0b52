// SPDX-License-Identifier: Apache-2.0
// Judges the IOMMU over an update: how long DMA was not translated, what was blocked, and what devices reached before
// and after.
import type { DeviceOfResult, IommuOfResult } from '../../../model/result/hardware-result.js';
import { gap } from '../../../oracles/iommu/index.js';
import type { MachineLife } from '../../machine/ending.js';
import type { Needs } from '../../engine/parts.js';
import type { DeviceState } from '../../state/device.js';
import type { PageState } from '../../../oracles/pages/page-state.js';
import { noteHardware } from '../../record/hardware-mismatches.js';
import { witnessIommu } from './witness.js';
import type { IommuRecord } from './result.js';
import { leftTables, tablesOf } from './tables.js';
import { pageStates } from './table-pages.js';

export interface JudgedUpdate {
  devices: readonly DeviceOfResult[];
  /** When the kexec began, milliseconds of the run. */
  kexecAt: number;
  machine: MachineLife;
}

/** Judges the update that led into the running kernel. */
export async function judgeIommu(
  parts: Needs<'plan' | 'recorder' | 'state' | 'view' | 'machine' | 'trace'>,
  record: IommuRecord,
  { devices, kexecAt, machine }: JudgedUpdate,
): Promise<void> {
  const ended = machine === 'ended';
  const { recorder, state, trace, plan } = parts;
  const believed = ended || witnessIommu(parts);
  if (trace === null || plan.scenario.hardware.iommu.kind === 'none') return;
  trace.look();
  const { epoch } = recorder;
  const { state: how, ms } = gap(
    trace.iommu.map(({ event }) => event),
    trace.micros(kexecAt),
  );
  record.gaps.push({ epoch, state: how, ms });
  const needsDma = (name: string): boolean => state.devices.get(name)?.spec.level === 'dma';
  const kept = devices.filter(({ name, carried }) => carried === 'kept' && needsDma(name)).map(({ name }) => name);
  // Without translation all the time, a device cannot have reached its memory all the time.
  if (how !== 'kept') for (const device of devices) if (device.level === 'dma') device.level = 'state';
  recorder.event({
    kind: 'oracle',
    oracle: 'iommu: gap',
    side: 'outside',
    ok: how === 'kept' || kept.length === 0,
    detail: gapText(how, ms),
  });
  if (kept.length > 0 && how !== 'kept' && !ended && believed) {
    noteHardware(state.hardware, 'iommu', `${kept.join(', ')}: ${gapText(how, ms)}`);
    recorder.incident({
      source: 'memory',
      side: 'outside',
      implies: 'corrupt',
      title: 'translation was off while a device was kept',
      detail: `${kept.join(', ')}: ${gapText(how, ms)}`,
    });
  }
  // A machine that has ended answers nothing.
  const stateOf = ended ? () => null : await pageStates(parts);
  for (const device of state.devices.values()) {
    if (device.iommufd.carried)
      record.descriptors.push({ device: device.spec.name, epoch, carried: device.iommufd.retrieved ? 'kept' : 'lost' });
    if (device.iommufd.carried && !device.iommufd.retrieved && !ended) {
      noteHardware(state.hardware, 'iommu', `${device.spec.name}: its iommufd did not come back`);
      recorder.incident({
        source: 'agent',
        side: 'inside',
        implies: 'lost',
        title: 'an iommufd is lost',
        detail: `${device.spec.name}: its iommufd did not come back`,
      });
    }
    if (!ended && device.spec.level === 'dma') seePages(parts, device, epoch, stateOf);
    const tables = tablesOf(parts, device, epoch, stateOf);
    if (tables !== null) record.tables.push(tables);
    if (tables !== null && tables.problems.length > 0 && !ended) {
      noteHardware(state.hardware, 'iommu', `${device.spec.name}: ${tables.problems.join('; ')}`);
      recorder.incident({
        source: 'memory',
        side: 'outside',
        implies: 'corrupt',
        title: 'a device does not reach the memory that it was given',
        detail: `${device.spec.name}: ${tables.problems.join('; ')}`,
      });
    }
    if (tables !== null && tables.leaked > 0 && !ended) {
      recorder.incident({
        source: 'memory',
        side: 'outside',
        implies: 'leak',
        title: "pages of an IOMMU's tables leaked",
        detail:
          `${device.spec.name}: nobody gave back ${tables.leaked} of the ${tables.handedOver} pages that its ` +
          'tables were handed over in',
      });
    }
    for (const { strays, iova } of device.transfers.filter((each) => each.epoch === epoch - 1)) {
      for (const each of strays?.strays ?? [])
        record.strays.push({ device: device.spec.name, iova: hex(iova), phys: hex(each.phys), bytes: each.length });
    }
  }
}

/** Only the kernel's array of pages shows whether the pages of the old tables were released. */
function seePages(
  { recorder }: Needs<'recorder'>,
  device: DeviceState,
  epoch: number,
  stateOf: (phys: number) => PageState | null,
): void {
  const old = [...(leftTables(device, epoch)?.contents.keys() ?? [])];
  if (old.length === 0 || old.some((phys) => stateOf(phys) !== null)) return;
  recorder.witnesses.blind(
    'iommu',
    epoch,
    `${device.spec.name}: the kernel's array of pages was not found, so nobody can tell whether the ` +
      `${old.length} pages of its tables were given back`,
  );
}

function gapText(state: IommuOfResult['gaps'][number]['state'], ms: number | null): string {
  switch (state) {
    case 'kept':
      return 'DMA was translated all the time';
    case 'gap':
      return `DMA was not translated for ${ms?.toFixed(1)} ms`;
    case 'open':
      return 'DMA is not translated any more';
    case 'off':
      return 'DMA was not translated before the kexec either';
  }
}

const hex = (value: number) => `0x${value.toString(16)}`;
