// SPDX-License-Identifier: Apache-2.0
// Registers of QEMU's IOMMUs on q35 (QEMU 7.2: hw/i386/intel_iommu_internal.h and amd_iommu.h). They tell where the
// tables begin and whether translation is on. QEMU 7.2 does not trace writes to AMD-Vi's device table register, so
// reading it is the only way.
import type { TableRoot } from './walk/device.js';

export interface Register {
  name: string;
  /** Physical address and size; the register is read in one access of that size. */
  at: number;
  size: 4 | 8;
}

const VTD = 0xfed9_0000;
const AMDVI = 0xfed8_0000;

/** The registers to read, in the order in which `readRegisters` takes their values. */
export const IOMMU_REGISTERS: Readonly<Record<'intel' | 'amd', readonly Register[]>> = {
  /** VT-d specification, chapter 11.4: Global Status, Root Table Address, Fault Status. */
  intel: [
    { name: 'GSTS_REG', at: VTD + 0x1c, size: 4 },
    { name: 'RTADDR_REG', at: VTD + 0x20, size: 8 },
    { name: 'FSTS_REG', at: VTD + 0x34, size: 4 },
  ],
  /** AMD I/O Virtualization Technology specification, chapter 3.4: Control, Device Table Base. */
  amd: [
    { name: 'Control', at: AMDVI + 0x18, size: 8 },
    { name: 'DevTabBase', at: AMDVI, size: 8 },
  ],
};

export interface IommuRegisters {
  /** DMA is translated. */
  translating: boolean;
  /** Interrupts are remapped. Always false for AMD-Vi, where the entry of each device tells. */
  remapping: boolean;
  root: TableRoot;
  /** Values by name, hexadecimal. */
  registers: Record<string, string>;
}

/**
 * Decodes the registers; null if one of them was not read.
 * @param values in the order of IOMMU_REGISTERS
 */
export function readRegisters(iommu: 'intel' | 'amd', values: readonly (bigint | null)[]): IommuRegisters | null {
  const [status, register] = values;
  const names = IOMMU_REGISTERS[iommu];
  if (
    status === null ||
    status === undefined ||
    register === null ||
    register === undefined ||
    values.length !== names.length ||
    values.includes(null)
  )
    return null;
  const bit = (at: bigint) => ((status >> at) & 1n) === 1n;
  return {
    // Global Status: bit 31 is TES, bit 25 IRES. AMD's control register: bit 0 is the switch.
    translating: bit(iommu === 'intel' ? 31n : 0n),
    remapping: iommu === 'intel' && bit(25n),
    root: { iommu, register },
    registers: Object.fromEntries(names.map(({ name }, index) => [name, `0x${(values[index] ?? 0n).toString(16)}`])),
  };
}
