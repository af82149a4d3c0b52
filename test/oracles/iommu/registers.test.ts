// SPDX-License-Identifier: Apache-2.0
// Answers as QEMU 7.2.22 gave them.
import { expect, it } from 'vitest';
import { parseRegisters, registerCommands } from '../../../src/oracles/iommu/index.js';

it('VT-d', () => {
  expect(registerCommands('intel')).toEqual(['xp /1gx 0xfed90020', 'xp /1wx 0xfed9001c']);
  expect(parseRegisters('intel', '00000000fed90020: 0x00000000024de000\r\n00000000fed9001c: 0xc7000000\r\n')).toEqual({ root: { iommu: 'intel', register: 0x24de000n }, enabled: true });
  expect(parseRegisters('intel', '00000000fed90020: 0x00000000024de400\n00000000fed9001c: 0x47000000\n')).toEqual({ root: { iommu: 'intel', register: 0x24de400n }, enabled: false });
});

it('AMD-Vi', () => {
  expect(registerCommands('amd')).toEqual(['xp /1gx 0xfed80000', 'xp /1wx 0xfed80018']);
  expect(parseRegisters('amd', '00000000fed80000: 0x00000000049c8001\r\n00000000fed80018: 0x0003f48f\r\n')).toEqual({ root: { iommu: 'amd', register: 0x49c8001n }, enabled: true });
});

it.each(['', 'Cannot access memory', '00000000fed90020: 0x00000000024de000', '00000000fed90020: 0x24\n00000000fed9001c: 0xc7000000', 'x'.repeat(1_000_000)])('no answer', (text) => {
  expect(parseRegisters('intel', text)).toBeNull();
});
