// SPDX-License-Identifier: Apache-2.0
// How much memory a first kernel has left for what cannot lie in scratch: preserved pages, and the buffers that the
// next kernel is loaded through.
// Scratch holds only what can be moved away.
import { type MemoryPlan, USUAL_INITRAMFS } from './boot-memory.js';
import { switchOf } from '../binary/cmdline.js';
import { isMeantToWork } from '../predict/device-effects.js';
import { MIB, memoryLimit } from '../binary/kernel-size.js';
import type { KernelFacts } from '../predict/predict.js';
import { largeTables, machineMemory, pageArray, swiotlb } from './ram.js';
import { scratchAreas, scratchOption } from './scratch.js';
import { componentOf } from '../versions.js';

export interface MemoryLeft {
  /** Bytes. */
  left: number;
  parts: { what: string; bytes: number }[];
  scratch: number;
}

/** Slabs, stacks, page tables and all else that grows with the machine: 8 MiB of 256, 34 of 1,024 (measured). */
const own = (memory: number): number => MIB + 0.032 * memory;
/**
 * What works on top of it: processes, the agent's buffers (measured: with 31 MiB to load and to work in a run dies,
 * with 34 it lives).
 */
const AT_WORK = 8 * MIB;

/** Null where nothing tells, or the first kernel sets nothing aside. */
export function memoryLeft(
  plan: MemoryPlan,
  kernels: readonly KernelFacts[],
  initramfs = USUAL_INITRAMFS,
): MemoryLeft | null {
  const [first, next] = kernels;
  const cmdline = plan.cmdlines[0] ?? '';
  if (first?.boot === undefined || switchOf(cmdline, 'kho') === false) return null;
  if (componentOf(first.versions, 'kho') === null) return null;
  const machine = machineMemory(plan.machine.memory, initramfs, memoryLimit(cmdline));
  const reserved = plan.reserveMem.reduce((sum, { size }) => sum + size, 0);
  const areas = scratchAreas(scratchOption(cmdline, first.release), first.boot, machine, reserved);
  const image = first.boot.runtime ?? first.boot.initSize;
  if (areas === null || image === null) return null;
  const scratch = areas.reduce((sum, area) => sum + area, 0);
  const booted = image + pageArray(machine) + largeTables(machine) + swiotlb(machine) + own(machine.ram);
  const left = machine.ram - scratch - reserved - booted;
  // The image as a file is about a third of what it unpacks to. Both files lie in a buffer, and are copied from there.
  const loading = 2 * ((next?.boot?.initSize ?? image) / 3 + initramfs);
  const parts = [
    { what: 'to load the next kernel', bytes: loading },
    { what: 'at work', bytes: AT_WORK },
    { what: 'preserved', bytes: preserved(plan) },
  ];
  return { left, parts, scratch };
}

/** Bytes that the first kernel is to preserve. What a scenario expects to fail counts for nothing. */
function preserved({ steps }: MemoryPlan): number {
  const first = steps.filter(({ epoch }) => epoch === 0);
  const sizes = new Map(
    first.flatMap((step) => (step.op === 'memfd' ? [[step.memfd.file, step.memfd.size] as const] : [])),
  );
  const files = new Set(first.flatMap((step) => (step.op === 'preserve' && isMeantToWork(step) ? [step.file] : [])));
  return [...files].reduce((sum, file) => sum + (sizes.get(file) ?? 0), 0);
}
