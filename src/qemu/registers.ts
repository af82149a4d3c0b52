// SPDX-License-Identifier: Apache-2.0
// The vCPUs' system registers, from the human monitor's `info registers -a` (QEMU 7.2, target/i386/cpu-dump.c).

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

/** Linear addresses of a kernel begin here, its descriptor tables among them. */
const KERNEL_HALF = 0xffff_8000_0000_0000n;

/**
 * Registers of a vCPU that runs the machine's own kernel, or its user space. One that runs a guest of the machine shows
 * the guest's: the bare guest has its tables at the bottom of its memory. Null where no vCPU does.
 */
export function ownRegisters(text: string): SystemRegisters | null {
  return (
    text
      .split(/^CPU#/m)
      .map(parseRegisters)
      .find((registers) => registers !== null && registers.idtBase >= KERNEL_HALF) ?? null
  );
}
