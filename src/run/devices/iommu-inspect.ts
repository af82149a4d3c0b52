// SPDX-License-Identifier: Apache-2.0
// The IOMMU from outside: its registers by single reads, and what its tables in the machine's memory let a device
// reach.
import type { DeviceMapping, IommuKind } from '../../model/scenario/device.js';
import type { LookMoment } from '../../model/kernel/pci.js';
import {
  type DeviceTables,
  IOMMU_REGISTERS,
  type IommuRegisters,
  readRegisters,
  walkDevice,
} from '../../oracles/iommu/index.js';
import { readRegister } from '../../qemu/pci.js';
import type { Machine } from '../machine/machine.js';
import { reader } from '../judge/outside.js';

/** What a device reached at one moment. */
export interface TablesLook {
  moment: LookMoment;
  epoch: number;
  t: number;
  tables: DeviceTables;
  /** Pages of the tables that were free memory of the kernel that ran then. */
  free: number[];
  /** What each page held, where the tables were about to be handed over. */
  contents: Map<number, string>;
  /** What was mapped for it then. */
  maps: DeviceMapping[];
  /** The lab had damaged them: they are no longer what the kernel set up. */
  damaged: boolean;
}

/** Null where there is no IOMMU with registers, or they do not answer. */
export async function iommuRegisters(machine: Machine, kind: IommuKind): Promise<IommuRegisters | null> {
  if (kind !== 'intel' && kind !== 'amd') return null;
  const values: (bigint | null)[] = [];
  for (const { at, size } of IOMMU_REGISTERS[kind])
    values.push(await readRegister((line) => machine.human(line), at, size));
  return readRegisters(kind, values);
}

/** What a device reaches now through the tables; null where there are none to walk. */
export function walkNow(machine: Machine, registers: IommuRegisters, sourceId: number): DeviceTables | null {
  const walked = walkDevice(reader(machine), registers.root, sourceId, { ram: machine.memory.ranges });
  return walked.state === 'no-tables' ? null : walked;
}
