// SPDX-License-Identifier: Apache-2.0
// The IOMMU from outside: its registers by single reads, and what its tables in the machine's memory let a device
// reach.
import type { IommuKind } from '../../../model/scenario/device.js';
import {
  type DeviceTables,
  IOMMU_REGISTERS,
  type IommuRegisters,
  readRegisters,
  walkDevice,
} from '../../../oracles/iommu/index.js';
import { readRegister } from '../../../qemu/pci.js';
import { type MachineView, reader } from '../../machine/view.js';

/** Null where there is no IOMMU with registers, or they do not answer. */
export async function iommuRegisters(view: MachineView, kind: IommuKind): Promise<IommuRegisters | null> {
  if (kind !== 'intel' && kind !== 'amd') return null;
  const values: (bigint | null)[] = [];
  for (const { at, size } of IOMMU_REGISTERS[kind])
    values.push(await readRegister((line) => view.query(line), at, size));
  return readRegisters(kind, values);
}

/** What a device reaches now through the tables; null where there are none to walk. */
export function walkNow(view: MachineView, registers: IommuRegisters, sourceId: number): DeviceTables | null {
  const walked = walkDevice(reader(view), registers.root, sourceId, { ram: view.memory.ranges });
  return walked.state === 'no-tables' ? null : walked;
}
