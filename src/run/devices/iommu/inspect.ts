// SPDX-License-Identifier: Apache-2.0
// Inspects the IOMMU from outside: reads its registers, and walks its tables in the machine's memory to see what a
// device reaches.
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

/** Walks the tables of a device; null where it has none. */
export function walkNow(view: MachineView, registers: IommuRegisters, sourceId: number): DeviceTables | null {
  const walked = walkDevice(reader(view), registers.root, sourceId, { ram: view.memory.ranges });
  return walked.state === 'no-tables' ? null : walked;
}
