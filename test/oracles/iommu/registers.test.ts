// SPDX-License-Identifier: Apache-2.0
// Values read from QEMU 7.2.22.
import { expect, it } from 'vitest';
import { IOMMU_REGISTERS, readRegisters } from '../../../src/oracles/iommu/index.js';

it('VT-d', () => {
  expect(IOMMU_REGISTERS.intel.map(({ at, size }) => `${at.toString(16)}/${size}`)).toEqual([
    'fed9001c/4',
    'fed90020/8',
    'fed90034/4',
  ]);
  expect(readRegisters('intel', [0xc7000000n, 0x24de000n, 0n])).toEqual({
    translating: true,
    remapping: true,
    root: { iommu: 'intel', register: 0x24de000n },
    registers: { GSTS_REG: '0xc7000000', RTADDR_REG: '0x24de000', FSTS_REG: '0x0' },
  });
  expect(readRegisters('intel', [0x45000000n, 0x24de400n, 0n])).toMatchObject({
    translating: false,
    remapping: false,
    root: { register: 0x24de400n },
  });
});

it('AMD-Vi', () => {
  expect(IOMMU_REGISTERS.amd.map(({ at, size }) => `${at.toString(16)}/${size}`)).toEqual(['fed80018/8', 'fed80000/8']);
  expect(readRegisters('amd', [0x3f48fn, 0x49c8001n])).toMatchObject({
    translating: true,
    root: { iommu: 'amd', register: 0x49c8001n },
  });
});

it.each<[string, (bigint | null)[]]>([
  ['nothing', []],
  ['too few', [0xc7000000n]],
  ['no root', [0xc7000000n, null, 0n]],
  ['no status', [null, 1n, 0n]],
  ['no fault status', [1n, 1n, null]],
])('%s was read', (_, values) => expect(readRegisters('intel', values)).toBeNull());
