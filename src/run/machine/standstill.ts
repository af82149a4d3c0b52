// SPDX-License-Identifier: Apache-2.0
// Looks at each processor of a machine without progress. If a processor has interrupts enabled, and does not take a
// pending interrupt, the emulator forgot that interrupt: then no kernel hangs. QEMU's SVM does that with guests:
// cpu_vmexit() changes interrupt_request without a lock, and a request of another thread can get lost.
import { readFileSync } from 'node:fs';
import type { KernelImage } from '../../model/kernel/image.js';
import { deliverable, parseVcpus, type VcpuState } from '../../qemu/vcpus.js';
import { readSymbols } from '../../images/abi/handover-format.js';
import type { Machine } from './machine.js';

export interface Standstill {
  /** One line for each processor. */
  lines: string[];
  /** Processors with an interrupt that the emulator forgot. */
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
/**
 * In how many looks a running processor must have interrupts enabled. A kernel that loops with interrupts disabled may
 * enable them for a moment, and a new interrupt may wait just then.
 */
const ENABLED = 3;

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
  // In a paused machine no processor takes any interrupt.
  const status = (await machine.human('info status').catch(() => '')).trim();
  let suspects = /running/.test(status)
    ? first.filter((vcpu) => sleepsOn(vcpu) || (!vcpu.halted && vcpu.waiting.length > 0)).map((vcpu) => [vcpu])
    : [];
  for (let looks = 1; looks < LOOKS && suspects.length > 0; looks++) {
    await new Promise((resolve) => setTimeout(resolve, between));
    const again = await look(machine);
    suspects = suspects.flatMap((seen) => {
      const vcpu = again.find((each) => each.index === seen[0]?.index);
      return vcpu !== undefined && staysSo(seen[0], vcpu) ? [[...seen, vcpu]] : [];
    });
  }
  const forgotten = suspects.filter((seen) => seen.filter(({ interrupts }) => interrupts).length >= ENABLED);
  return {
    lines: first.map((vcpu) => lineOf(vcpu, vcpu.waiting, name(vcpu.rip))),
    forgotten: forgotten.flatMap(([vcpu]) => (vcpu === undefined ? [] : [vcpu.index])),
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

/** Whether a processor that slept still sleeps there, or the same interrupt of one that ran still waits. */
function staysSo(before: Look | undefined, now: Look): boolean {
  if (before === undefined || before.halted !== now.halted) return false;
  return now.halted
    ? before.rip === now.rip && sleepsOn(now)
    : before.waiting.some((vector) => now.waiting.includes(vector));
}

/** @param waiting interrupts that it should take */
export function lineOf(
  { index, rip, interrupts, halted }: VcpuState,
  waiting: readonly number[],
  where: string,
): string {
  const pending = waiting.length === 0 ? '' : `, interrupt ${waiting.join(', ')} waits`;
  const place = `0x${rip.toString(16)}${where === '' ? '' : ` ${where}`}`;
  const state = `${halted ? 'halted' : 'running'}, interrupts ${interrupts ? 'on' : 'off'}${pending}`;
  return `CPU ${index} at ${place}: ${state}`;
}

/** Names a kernel's addresses by its System.map. */
export function namer(image: KernelImage | null): (address: bigint) => string {
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
