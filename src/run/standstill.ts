// SPDX-License-Identifier: Apache-2.0
// Nothing goes on any more: where does each processor stand? A processor that sleeps, takes interrupts and has one that it does not take was
// forgotten by the emulator: then no kernel hangs.
import { readFileSync } from 'node:fs';
import type { KernelImage } from '../model/image.js';
import { deliverable, parseVcpus, type VcpuState } from '../qemu/vcpus.js';
import { readSymbols } from './format.js';
import type { Machine } from './machine.js';

export interface Standstill {
  /** One line a processor. */
  lines: string[];
  /** Processors that the emulator forgot to wake. */
  forgotten: number[];
}

/** @param image of the kernel that ran last; null where its symbols are not known */
export async function lookAtStandstill(machine: Machine, image: KernelImage | null): Promise<Standstill> {
  const ask = (line: string) => machine.human(line).catch(() => '');
  const vcpus = parseVcpus(await ask('info registers -a'));
  // One that is held still does not wake up for anything.
  const runs = /running/.test(await ask('info status'));
  const name = namer(image);
  const lines: string[] = [];
  const forgotten: number[] = [];
  for (const vcpu of vcpus) {
    const waiting = deliverable(await ask(`info lapic ${vcpu.index}`));
    lines.push(lineOf(vcpu, waiting, name(vcpu.rip)));
    if (runs && vcpu.halted && vcpu.interrupts && waiting.length > 0) forgotten.push(vcpu.index);
  }
  // It may have been just about to wake up.
  const again = forgotten.length === 0 ? [] : parseVcpus(await ask('info registers -a'));
  return { lines, forgotten: forgotten.filter((index) => again.some((vcpu) => vcpu.index === index && vcpu.halted && vcpu.rip === vcpus.find((each) => each.index === index)?.rip)) };
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
