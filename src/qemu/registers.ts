// SPDX-License-Identifier: Apache-2.0
// Parses the vCPUs' system registers from the human monitor's `info registers -a` (QEMU 7.2, target/i386/cpu-dump.c).

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

/** Linear addresses of a kernel, including its descriptor tables, start here. */
const KERNEL_HALF = 0xffff_8000_0000_0000n;

/**
 * Returns the registers of a vCPU that runs the machine's own kernel or user space; null if there is none. A vCPU
 * inside a guest of the machine shows the guest's registers: the bare guest has its tables at the bottom of its memory.
 */
export function ownRegisters(text: string): SystemRegisters | null {
  return (
    text
      .split(/^CPU#/m)
      .map(parseRegisters)
      .find((registers) => registers !== null && registers.idtBase >= KERNEL_HALF) ?? null
  );
}
