// SPDX-License-Identifier: Apache-2.0
// Parses the state of each vCPU from the human monitor's `info registers -a` and `info lapic` (QEMU 7.2,
// target/i386/cpu-dump.c).

export interface VcpuState {
  index: number;
  rip: bigint;
  /** The vCPU accepts interrupts (RFLAGS.IF). */
  interrupts: boolean;
  halted: boolean;
}

const MAX_VCPUS = 64;
const INTERRUPTS = 1 << 9;

export function parseVcpus(text: string): VcpuState[] {
  return text
    .split(/^CPU#/m)
    .slice(1, 1 + MAX_VCPUS)
    .flatMap((part) => {
      const index = /^\d{1,4}/.exec(part)?.[0];
      const [, rip, flags] = /\bRIP=([0-9a-f]{1,16}) RFL=([0-9a-f]{8})/.exec(part) ?? [];
      if (index === undefined || rip === undefined || flags === undefined) return [];
      return [
        {
          index: Number(index),
          rip: BigInt(`0x${rip}`),
          interrupts: (parseInt(flags, 16) & INTERRUPTS) !== 0,
          halted: /\bHLT=1\b/.test(part),
        },
      ];
    });
}

/** Vectors that are pending in a local APIC with a priority above its current one, so its processor must take them. */
export function deliverable(text: string): number[] {
  const requested = /^IRR\s+(.*)$/m.exec(text)?.[1] ?? '';
  const busyWith = parseInt(/\bPPR 0x([0-9a-f]{1,2})\b/.exec(text)?.[1] ?? 'ff', 16);
  return [...requested.matchAll(/\b(\d{1,3})\b/g)]
    .map(([, vector]) => Number(vector))
    .filter((vector) => vector >> 4 > busyWith >> 4);
}
