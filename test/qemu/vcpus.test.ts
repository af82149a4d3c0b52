// SPDX-License-Identifier: Apache-2.0
// The state of vCPUs as QEMU 7.2 prints it.
import { expect, it } from 'vitest';
import { deliverable, parseVcpus } from '../../src/qemu/vcpus.js';

const REGISTERS = `
CPU#0
RAX=0000000000000000 RBX=0000000000000000 RCX=0000000000000000 RDX=ffffffff819c82c0
RIP=ffffffff814fb113 RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1
ES =0000 0000000000000000 00000000 00000000

CPU#1
RIP=ffffffff8110a2b3 RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0
`;
const LAPIC = (irr: string, ppr: string) => `dumping local APIC state for CPU 1

ISR	 (none)
IRR	 ${irr}

APR 0x01 TPR 0x10 DFR 0x0f LDR 0x00 PPR ${ppr}
`;

it('tells where each vCPU is, and whether it could wake up', () => {
  expect(parseVcpus(REGISTERS)).toEqual([
    { index: 0, rip: 0xffffffff814fb113n, interrupts: true, halted: true },
    { index: 1, rip: 0xffffffff8110a2b3n, interrupts: false, halted: false },
  ]);
  expect(parseVcpus('')).toEqual([]);
  expect(parseVcpus('CPU#0\nRIP=zz')).toEqual([]);
});

it('lists interrupts that a processor must take', () => {
  expect(deliverable(LAPIC('(none)', '0x10'))).toEqual([]);
  expect(deliverable(LAPIC('236 253', '0x10'))).toEqual([236, 253]);
  expect(deliverable(LAPIC('236(level) 40', '0x30'))).toEqual([236]);
  expect(deliverable(LAPIC('236', '0xe0'))).toEqual([]);
  expect(deliverable('nonsense')).toEqual([]);
});
