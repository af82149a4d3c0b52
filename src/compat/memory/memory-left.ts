// SPDX-License-Identifier: Apache-2.0
// How much memory a first kernel has for everything that cannot be in scratch: preserved pages, and the buffers for
// loading the next kernel. Scratch holds only movable pages.
import { type MemoryPlan, USUAL_INITRAMFS } from './boot-memory.js';
import { switchOf } from '../binary/cmdline.js';
import { shouldSucceed } from '../rules/expected-steps.js';
import { MIB, memoryLimit } from '../binary/kernel-size.js';
import type { KernelFacts } from '../versions/kernel-facts.js';
import { largeTables, machineMemory, pageArray, swiotlb } from './ram.js';
import { scratchAreas, scratchOption } from './scratch.js';
import { componentOf } from '../versions/versions.js';

export interface MemoryLeft {
  /** In bytes. */
  left: number;
  parts: { what: string; bytes: number }[];
  scratch: number;
}

/** Slabs, stacks, page tables and other data that grow with the machine: 8 MiB of 256, 34 of 1,024 (measured). */
const own = (memory: number): number => MIB + 0.032 * memory;
/**
 * For processes and the agent's buffers. Measured: a run with 31 MiB for loading and for this fails, with 34 it works.
 */
const AT_WORK = 8 * MIB;

/** Null if it is unknown, or if the first kernel has no scratch. */
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
  const left = machine.ram - scratch - reserved - booted + added(plan);
  // The compressed image is about a third of its full size. Both files are in a buffer first and are copied from there.
  const loading = 2 * ((next?.boot?.initSize ?? image) / 3 + initramfs);
  const parts = [
    { what: 'to load the next kernel', bytes: loading },
    { what: 'at work', bytes: AT_WORK },
    { what: 'preserved', bytes: preserved(plan) },
  ];
  return { left, parts, scratch };
}

/** Bytes of the modules that the first kernel takes. Their page array lies in them: 64 bytes a page. */
function added({ steps }: MemoryPlan): number {
  const taken = steps.flatMap((step) =>
    step.op === 'hotplug-memory' && step.epoch === 0 && shouldSucceed(step) ? [step.size] : [],
  );
  return taken.reduce((sum, size) => sum + size * (63 / 64), 0);
}

/** Bytes that the first kernel has to preserve. Steps that should fail do not count. */
function preserved({ steps }: MemoryPlan): number {
  const first = steps.filter(({ epoch }) => epoch === 0);
  const sizes = new Map(
    first.flatMap((step) => (step.op === 'memfd' ? [[step.memfd.file, step.memfd.size] as const] : [])),
  );
  const files = new Set(first.flatMap((step) => (step.op === 'preserve' && shouldSucceed(step) ? [step.file] : [])));
  return [...files].reduce((sum, file) => sum + (sizes.get(file) ?? 0), 0);
}
