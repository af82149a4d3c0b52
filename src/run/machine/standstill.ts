// SPDX-License-Identifier: Apache-2.0
// Nothing goes on any more: where does each processor stand? A processor that sleeps, takes interrupts and has one that
// it does not take was forgotten by the emulator: then no kernel hangs.
import { readFileSync } from 'node:fs';
import type { KernelImage } from '../../model/kernel/image.js';
import { deliverable, parseVcpus, type VcpuState } from '../../qemu/vcpus.js';
import { readSymbols } from '../../images/abi/handover-format.js';
import type { Machine } from './machine.js';

export interface Standstill {
  /** One line a processor. */
  lines: string[];
  /** Processors that the emulator forgot to wake. */
  forgotten: number[];
  /** What QEMU says of the machine as a whole (`VM status: running`); empty where it does not answer. */
  status: string;
  /** A processor was carrying out instructions. */
  busy: boolean;
}

/**
 * vCPUs take turns of 100 ms on one thread (accel/tcg/tcg-accel-ops-rr.c): one that waits for its turn is not
 * forgotten. Looks, and milliseconds between them.
 */
const LOOKS = 10;
const BETWEEN = 200;

interface Look extends VcpuState {
  /** Interrupts that it must take. */
  waiting: number[];
}

/**
 * @param image of the kernel that ran last; null where its symbols are not known
 * @param between milliseconds from look to look, where a processor seems forgotten
 */
export async function lookAtStandstill(
  machine: Pick<Machine, 'human'>,
  image: KernelImage | null,
  between = BETWEEN,
): Promise<Standstill> {
  const first = await look(machine);
  const name = namer(image);
  // One that is held still does not wake up for anything.
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
  return `CPU ${index} at 0x${rip.toString(16)}${where === '' ? '' : ` ${where}`}: ${halted ? 'halted' : 'running'}, interrupts ${interrupts ? 'on' : 'off'}${pending}`;
}

/** Names addresses of the kernel by its System.map. */
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
