// SPDX-License-Identifier: Apache-2.0
// The registers of QEMU's IOMMUs on q35 (QEMU 7.2: hw/i386/intel_iommu.h and amd_iommu.h), read through the human monitor. They say where the tables begin
// and whether translation is on, now; QEMU 7.2 traces no write to AMD-Vi's device table register, so for it there is no other way.
import type { TableRoot } from './device.js';

const REGISTERS = {
  intel: { root: 0xfed90020, status: 0xfed9001c },
  amd: { root: 0xfed80000, status: 0xfed80018 },
} as const;

export interface IommuRegisters {
  root: TableRoot;
  enabled: boolean;
}

/** Commands for the human monitor; their answers, in this order and joined, are for `parseRegisters`. */
export function registerCommands(iommu: 'intel' | 'amd'): string[] {
  const { root, status } = REGISTERS[iommu];
  return [`xp /1gx 0x${root.toString(16)}`, `xp /1wx 0x${status.toString(16)}`];
}

/** null where the monitor did not show both registers. Answers have lines `00000000fed90020: 0x00000000024a3000`. */
export function parseRegisters(iommu: 'intel' | 'amd', answers: string): IommuRegisters | null {
  const { root, status } = REGISTERS[iommu];
  const register = valueAt(answers, root, 16);
  const state = valueAt(answers, status, 8);
  if (register === null || state === null) return null;
  // Global status: bit 31 is TES. AMD's control register: bit 0 is the switch.
  return { root: { iommu, register }, enabled: ((state >> (iommu === 'intel' ? 31n : 0n)) & 1n) === 1n };
}

function valueAt(answers: string, address: number, digits: number): bigint | null {
  const match = new RegExp(`^0*${address.toString(16)}: 0x([0-9a-f]{${digits}})\\s*$`, 'm').exec(answers.slice(0, 4096));
  return match === null ? null : BigInt(`0x${match[1]}`);
}
