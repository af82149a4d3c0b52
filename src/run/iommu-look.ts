// SPDX-License-Identifier: Apache-2.0
// The IOMMU from outside: its registers by single reads, and what its tables in the machine's memory let a device reach.
import type { DeviceMapping, IommuKind } from '../model/device.js';
import { type DeviceTables, type TableRoot, walkDevice } from '../oracles/iommu/index.js';
import { readRegister } from '../qemu/pci.js';
import type { Machine } from './machine.js';
import { reader } from './look.js';

/** Where QEMU 7.2 puts the registers on q35 (include/hw/i386/intel_iommu.h and hw/i386/amd_iommu.h). */
const VTD = 0xfed9_0000;
const AMDVI = 0xfed8_0000;
/** VT-d specification, chapter 11.4: Global Status, Root Table Address, Fault Status. */
const GSTS = 0x1c;
const RTADDR = 0x20;
const FSTS = 0x34;
/** AMD I/O Virtualization Technology specification, chapter 3.4: Device Table Base, Control. */
const DEVTAB = 0x00;
const CONTROL = 0x18;

export interface IommuRegisters {
  /** DMA is translated. */
  translating: boolean;
  /** Interrupts are remapped. */
  remapping: boolean;
  root: TableRoot;
  /** By name, hexadecimal. */
  registers: Record<string, string>;
}

/** What a device reached at one moment. */
export interface TablesLook {
  epoch: number;
  t: number;
  tables: DeviceTables;
  /** What was mapped for it then. */
  maps: DeviceMapping[];
}

/** Null where there is no IOMMU, or its registers do not answer. */
export async function iommuRegisters(machine: Machine, kind: IommuKind): Promise<IommuRegisters | null> {
  const human = (line: string) => machine.human(line);
  const hex = (value: bigint) => `0x${value.toString(16)}`;
  if (kind === 'intel') {
    const [gsts, rtaddr, fsts] = [await readRegister(human, VTD + GSTS, 4), await readRegister(human, VTD + RTADDR, 8), await readRegister(human, VTD + FSTS, 4)];
    if (gsts === null || rtaddr === null || fsts === null) return null;
    return {
      translating: (gsts >> 31n) % 2n === 1n, remapping: (gsts >> 25n) % 2n === 1n, root: { iommu: 'intel', register: rtaddr },
      registers: { GSTS_REG: hex(gsts), RTADDR_REG: hex(rtaddr), FSTS_REG: hex(fsts) },
    };
  }
  if (kind === 'amd') {
    const [table, control] = [await readRegister(human, AMDVI + DEVTAB, 8), await readRegister(human, AMDVI + CONTROL, 8)];
    if (table === null || control === null) return null;
    return { translating: control % 2n === 1n, remapping: false, root: { iommu: 'amd', register: table }, registers: { DevTabBase: hex(table), Control: hex(control) } };
  }
  return null;
}

/** What a device reaches now through the tables; null where there are none to walk. */
export function walkNow(machine: Machine, registers: IommuRegisters, sourceId: number): DeviceTables | null {
  const walked = walkDevice(reader(machine), registers.root, sourceId, { ram: machine.memory.ranges });
  return walked.state === 'no-tables' ? null : walked;
}
