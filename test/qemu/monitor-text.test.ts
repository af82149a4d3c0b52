// SPDX-License-Identifier: Apache-2.0
// Parses what QEMU 7.2's human monitor prints.
import { describe, expect, it } from 'vitest';
import { ramRanges } from '../../src/qemu/memory.js';
import { ownRegisters, parseRegisters } from '../../src/qemu/registers.js';

const GIB = 2 ** 30;

/**
 * `info mtree -f`, q35 with 1 GiB in a memory backend with id `ram`; of the view for I/O ports, only the first lines.
 */
const ONE_GIB = `FlatView #0
 AS "cpu-smm-0", root: memory
 Root memory region: memory
  0000000000000000-00000000000bffff (prio 0, ram): ram
  00000000000c0000-00000000000dffff (prio 1, rom): pc.rom
  00000000000e0000-00000000000fffff (prio 0, rom): pc.bios @0000000000020000
  0000000000100000-000000003fffffff (prio 0, ram): ram @0000000000100000
  00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic

FlatView #1
 AS "memory", root: system
 AS "cpu-memory-0", root: system
 Root memory region: system
  0000000000000000-00000000000bffff (prio 0, ram): ram
  00000000000c0000-00000000000dffff (prio 1, rom): pc.rom
  00000000000e0000-00000000000fffff (prio 0, rom): pc.bios @0000000000020000
  0000000000100000-000000003fffffff (prio 0, ram): ram @0000000000100000
  00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic
  00000000fed00000-00000000fed003ff (prio 0, i/o): hpet
  00000000fee00000-00000000feefffff (prio 4096, i/o): apic-msi
  00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios

FlatView #2
 AS "I/O", root: io
 Root memory region: io
  0000000000000000-0000000000000007 (prio 0, i/o): dma-chan
`;

/**
 * The view of the address space \`memory\` of the same machine with 4 GiB: the upper half lies above the hole for
 * devices.
 */
const FOUR_GIB = `FlatView #2
 AS "memory", root: system
 AS "cpu-memory-0", root: system
 Root memory region: system
  0000000000000000-00000000000bffff (prio 0, ram): ram
  00000000000c0000-00000000000dffff (prio 1, rom): pc.rom
  00000000000e0000-00000000000fffff (prio 0, rom): pc.bios @0000000000020000
  0000000000100000-000000007fffffff (prio 0, ram): ram @0000000000100000
  00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic
  00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios
  0000000100000000-000000017fffffff (prio 0, ram): ram @0000000080000000

FlatView #3
 AS "mch", root: bus master container
 AS "pvpanic-pci", root: bus master container
 Root memory region: (none)
  No rendered FlatView
`;

const LOW = { start: 0, end: 0xc0000, offset: 0 };

describe('ranges of RAM', () => {
  it.each([
    ['1 GiB', ONE_GIB, [LOW, { start: 0x100000, end: GIB, offset: 0x100000 }]],
    [
      '4 GiB',
      FOUR_GIB,
      [LOW, { start: 0x100000, end: 2 * GIB, offset: 0x100000 }, { start: 4 * GIB, end: 6 * GIB, offset: 2 * GIB }],
    ],
    [
      'with line ends of a terminal',
      ONE_GIB.replaceAll('\n', '\r\n'),
      [LOW, { start: 0x100000, end: GIB, offset: 0x100000 }],
    ],
    ['under KVM', ONE_GIB.replaceAll(/\): ram.*/g, '$& KVM'), [LOW, { start: 0x100000, end: GIB, offset: 0x100000 }]],
    [
      'RAM that firmware made read-only',
      ' AS "memory", root: system\n  00000000000c0000-00000000000fffff (prio 1, rom): ram @00000000000c0000\n',
      [{ start: 0xc0000, end: 0x100000, offset: 0xc0000 }],
    ],
    ['no view of memory', ONE_GIB.replace(' AS "memory"', ' AS "other"'), []],
    ['no text', '', []],
    ['garbage', 'FlatView #0\n AS "memory"\n  zzz-000 (prio, ram): ram\n', []],
  ])('%s', (_, text, ranges) => expect(ramRanges(text)).toEqual(ranges));
});

/** `info registers` of a kernel in 64-bit mode. */
const LONG_MODE = `
CPU#0
RAX=0000000000000000 RBX=0000000000000000 RCX=0000000000000001 RDX=4000000000000000
RIP=ffffffff81e0c5cb RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1
GS =0000 ffff88803ec00000 00000000 00000000
LDT=0000 fffffe1500000000 00000000 00000000
TR =0040 fffffe0000003000 00004087 00008b00 DPL=0 TSS64-busy
GDT=     fffffe0000001000 0000007f
IDT=     fffffe0000000000 00000fff
CR0=80050033 CR2=00007f6a8c3ff000 CR3=0000000003a28000 CR4=00750ef0
DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000 
EFER=0000000000000d01
`;

/** The same for a machine at its first instruction. */
const RESET_STATE = `
CPU#0
LDT=0000 00000000 0000ffff 00008200
TR =0000 00000000 0000ffff 00008b00
GDT=     00000000 0000ffff
IDT=     00000000 0000ffff
CR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000
`;

describe('registers', () => {
  it.each([
    [
      'of a running kernel',
      LONG_MODE,
      { cr3: 0x3a28000n, cr4: 0x750ef0n, idtBase: 0xfffffe0000000000n, idtLimit: 0xfff },
    ],
    ['after a reset', RESET_STATE, { cr3: 0n, cr4: 0n, idtBase: 0n, idtLimit: 0xffff }],
    [
      'with line ends of a terminal',
      LONG_MODE.replaceAll('\n', '\r\n'),
      { cr3: 0x3a28000n, cr4: 0x750ef0n, idtBase: 0xfffffe0000000000n, idtLimit: 0xfff },
    ],
    ['without a word', '', null],
    ['cut off', LONG_MODE.slice(0, LONG_MODE.indexOf('CR4')), null],
    ['without the table', LONG_MODE.replace('IDT', 'XXX'), null],
  ])('%s', (_, text, registers) => expect(parseRegisters(text)).toEqual(registers));
});

describe('the vCPU that is used', () => {
  const vcpu = (index: number, cr3: string, idt: string) =>
    `\nCPU#${index}\nRIP=ffffffff814fb113 RFL=00000246\nIDT=     ${idt} 00000fff\n` +
    `CR0=80050033 CR2=0 CR3=${cr3} CR4=003506b0\n`;
  it('is one that runs the kernel, not a guest', () => {
    const guest = vcpu(0, '0000000000005000', '000000000000b000');
    const kernel = vcpu(1, '00000000012a7000', 'fffffe0000000000');
    expect(ownRegisters(guest + kernel)?.cr3).toBe(0x12a7000n);
    expect(ownRegisters(kernel)?.cr3).toBe(0x12a7000n);
    expect(ownRegisters(guest)).toBeNull();
    expect(ownRegisters('')).toBeNull();
  });
});
