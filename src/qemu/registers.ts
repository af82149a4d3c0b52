// SPDX-License-Identifier: Apache-2.0
// A vCPU's system registers, from the human monitor's `info registers` (QEMU 7.2, target/i386/cpu-dump.c).

export interface SystemRegisters {
  cr3: bigint;
  cr4: bigint;
  /** Linear address and limit of the interrupt descriptor table. */
  idtBase: bigint;
  idtLimit: number;
}

export function parseRegisters(text: string): SystemRegisters | null {
  const cr3 = /\bCR3=([0-9a-f]+)/.exec(text)?.[1];
  const cr4 = /\bCR4=([0-9a-f]+)/.exec(text)?.[1];
  const idt = /\bIDT=\s+([0-9a-f]+) ([0-9a-f]+)/.exec(text);
  if (cr3 === undefined || cr4 === undefined || idt === null) return null;
  return {
    cr3: BigInt(`0x${cr3}`),
    cr4: BigInt(`0x${cr4}`),
    idtBase: BigInt(`0x${idt[1]}`),
    idtLimit: parseInt(idt[2] ?? '0', 16),
  };
}
