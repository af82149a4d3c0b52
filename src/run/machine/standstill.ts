// SPDX-License-Identifier: Apache-2.0
// Looks at each processor of a machine without progress. If a processor sleeps with interrupts enabled and an interrupt
// pending, the emulator forgot to wake it: then no kernel hangs.
import { readFileSync } from 'node:fs';
import type { KernelImage } from '../../model/kernel/image.js';
import { deliverable, parseVcpus, type VcpuState } from '../../qemu/vcpus.js';
import { readSymbols } from '../../images/abi/handover-format.js';
import type { Machine } from './machine.js';

export interface Standstill {
  /** One line for each processor. */
  lines: string[];
  /** Processors that the emulator forgot to wake. */
  forgotten: number[];
  /** QEMU's status of the whole machine (`VM status: running`); empty if QEMU does not answer. */
  status: string;
  /** Some processor was executing instructions. */
  busy: boolean;
}

/**
 * Number of looks. vCPUs take turns of 100 ms on one thread (accel/tcg/tcg-accel-ops-rr.c): a vCPU that waits for its
 * turn is not forgotten.
 */
const LOOKS = 10;
/** Milliseconds between two looks. */
const BETWEEN = 200;

interface Look extends VcpuState {
  /** Pending interrupts that it should take. */
  waiting: number[];
}

/**
 * @param image the kernel that ran last; null if its symbols are not wanted
 * @param between milliseconds between two looks at a processor that seems forgotten
 */
export async function lookAtStandstill(
  machine: Pick<Machine, 'human'>,
  image: KernelImage | null,
  between = BETWEEN,
): Promise<Standstill> {
  const first = await look(machine);
  const name = namer(image);
  // In a paused machine no processor wakes up for anything.
  const status = (await machine.human('info status').catch(() => '')).trim();
  let forgotten = /running/.test(status) ? first.filter(sleepsOn) : [];
  for (let looks = 1; looks < LOOKS && forgotten.length > 0; looks++) {
    await new Promise((resolve) => setTimeout(resolve, between));
    const again = await look(machine);
    forgotten = forgotten.filter(({ index, rip }) =>
      again.some((vcpu) => vcpu.index === index && vcpu.rip === rip && sleepsOn(vcpu)),
    );
  }
  return {
    lines: first.map((vcpu) => lineOf(vcpu, vcpu.waiting, name(vcpu.rip))),
    forgotten: forgotten.map(({ index }) => index),
    status,
    busy: first.some(({ halted }) => !halted),
  };
}

async function look(machine: Pick<Machine, 'human'>): Promise<Look[]> {
  const ask = (line: string) => machine.human(line).catch(() => '');
  const looks: Look[] = [];
  for (const vcpu of parseVcpus(await ask('info registers -a')))
    looks.push({ ...vcpu, waiting: deliverable(await ask(`info lapic ${vcpu.index}`)) });
  return looks;
}

function sleepsOn({ halted, interrupts, waiting }: Look): boolean {
  return halted && interrupts && waiting.length > 0;
}

function lineOf({ index, rip, interrupts, halted }: VcpuState, waiting: readonly number[], where: string): string {
  const pending = waiting.length === 0 ? '' : `, interrupt ${waiting.join(', ')} waits`;
  const place = `0x${rip.toString(16)}${where === '' ? '' : ` ${where}`}`;
  const state = `${halted ? 'halted' : 'running'}, interrupts ${interrupts ? 'on' : 'off'}${pending}`;
  return `CPU ${index} at ${place}: ${state}`;
}

/** Names a kernel's addresses by its System.map. */
function namer(image: KernelImage | null): (address: bigint) => string {
  if (image === null || image.systemMap === null) return () => '';
  let symbols: [name: string, address: bigint][];
  try {
    symbols = [...readSymbols(readFileSync(image.systemMap, 'latin1'))].sort(([, a], [, b]) => (a < b ? -1 : 1));
  } catch {
    return () => '';
  }
  return (address) => {
    const at = symbols.findLast(([, start]) => start <= address);
    return at === undefined || address - at[1] > 0x10000n ? '' : `${at[0]}+0x${(address - at[1]).toString(16)}`;
  };
}
