// SPDX-License-Identifier: Apache-2.0
// Whether each kernel of a chain can boot in the memory that the earlier kernels leave: scratch, whose size the first
// kernel fixes for all, and the limit of `mem=`.
import type { Prediction } from '../../model/result/prediction.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { isSince, memoryLimit, MIB } from '../binary/kernel-size.js';
import type { KernelFacts } from '../versions/kernel-facts.js';
import { blocksOfRam, machineMemory, type MachineMemory, pageArray, topOfRam } from './ram.js';
import { type Ruling, ruled } from '../rules/ruling.js';
import {
  canLoad,
  EXTENDED_SINCE,
  scratchAreas,
  scratchNeed,
  type ScratchNeed,
  scratchOption,
  scratchOptionText,
  sumOf,
} from './scratch.js';

/** The relevant parts of a scenario. */
export interface MemoryPlan extends Pick<Scenario, 'cmdlines' | 'reserveMem' | 'steps'> {
  machine: Pick<Scenario['machine'], 'memory'>;
}

/** Bytes of the initramfs if no root file system is built yet. */
export const USUAL_INITRAMFS = 8.25 * MIB;

/** The memory of an update; `text` is for people. */
export interface BootMemory {
  /** Null if the next kernel can boot, `unknown` if it may not. */
  ruling: Ruling | 'unknown' | null;
  /** `scratch: 84 MiB in 2 areas, 7.2.12 needs 86 MiB: 2 MiB short`; null if a size is unknown. */
  text: string | null;
}

/** Whether a kernel after a kexec can allocate outside of scratch during its boot. */
type Extension = 'extended' | 'none' | 'unknown';

const FINE: BootMemory = { ruling: null, text: null };

/**
 * @param epoch epoch of the old kernel
 * @param initramfs size in bytes
 */
export function bootMemory(
  scenario: MemoryPlan,
  kernels: readonly KernelFacts[],
  epoch: number,
  initramfs = USUAL_INITRAMFS,
): BootMemory {
  const [first, next] = [kernels[0], kernels[epoch + 1]];
  if (first?.boot === undefined || next?.boot === undefined) return FINE;
  const machineOf = (at: number): MachineMemory =>
    machineMemory(scenario.machine.memory, initramfs, memoryLimit(scenario.cmdlines[at] ?? ''));
  const reserved = scenario.reserveMem.reduce((sum, { size }) => sum + size, 0);
  const option = scratchOption(scenario.cmdlines[0] ?? '', first.release);
  const areas = scratchAreas(option, first.boot, machineOf(0), reserved);
  if (areas === null) return FINE;
  const has = areas.reduce((sum, area) => sum + area, 0);
  const limited = beyondLimit(scenario, epoch, machineOf(0));
  const loads = canLoad(areas, next.boot, initramfs);
  if (loads === false)
    return { ruling: cannotLoad(areas, has, { first, next }, initramfs), text: areasText(areas, has) };
  if (limited !== null) return { ruling: limited, text: null };
  const extension = extensionOf(scenario, next, epoch + 1, initramfs);
  const need = scratchNeed(next, machineOf(epoch + 1), { extended: extension === 'extended' });
  if (need === null) return FINE;
  const text = scratchText(areas, has, next, need);
  if (has >= sumOf(need)) return { ruling: null, text };
  if (extension === 'unknown') return { ruling: 'unknown', text };
  return { ruling: { ...TOO_SMALL, reason: `${text} (${partsText(need)}); ${adviceFor(first)}` }, text };
}

const adviceFor = ({ release }: KernelFacts): string =>
  `give the first kernel more with ${scratchOptionText(release)}, which holds for all kernels after it`;
const TOO_SMALL = {
  outcome: 'panic',
  endsIn: 'panic',
  where: 'sparse_init',
  component: 'scratch',
  signs: ['bitmap_set', 'memmap', 'memory map', 'memblock', 'alloc_low_page', 'llocat'],
} as const;

function cannotLoad(
  areas: readonly number[],
  has: number,
  { first, next: { boot, release } }: Readonly<Record<'first' | 'next', KernelFacts>>,
  initramfs: number,
): Ruling {
  const image = boot?.initSize ?? 0;
  return {
    outcome: 'refused',
    endsIn: 'none',
    where: 'kho_locate_mem_hole',
    component: 'scratch',
    signs: ['EADDRNOTAVAIL'],
    reason:
      `${areasText(areas, has)}, and no area holds the image of ` +
      `${release ?? 'the next kernel'} (${mib(image)} MiB) with an area for its ` +
      `initramfs (${mib(initramfs)} MiB): it cannot be loaded, ` +
      `at least ${mib(Math.max(0, image + initramfs - Math.max(...areas)))} MiB are short; ${adviceFor(first)}`,
  };
}

/** All areas are at the top of RAM, so a limit below them leaves the next kernel without its own image. */
function beyondLimit(
  { machine, cmdlines }: MemoryPlan,
  epoch: number,
  first: MachineMemory,
): Ruling | 'unknown' | null {
  const limit = memoryLimit(cmdlines[epoch + 1] ?? '');
  const before = memoryLimit(cmdlines[epoch] ?? '');
  const top = Math.min(topOfRam(machine.memory), before ?? Infinity);
  if (limit === null || limit >= top) return null;
  // Between the two are the first kernel's page array and its initramfs. Whether preserved pages are there is unknown.
  if (limit >= top - pageArray(first) - first.initramfs) return 'unknown';
  return {
    outcome: 'panic',
    endsIn: 'panic',
    where: 'kho_scratch_overlap',
    component: 'memory',
    signs: ['kho_', 'phys_pmd_init', 'page fault', 'memblock', 'memmap'],
    reason:
      `mem=${mib(limit)}M on the next kernel: preserved memory, and scratch with the kernel itself, are above it, ` +
      `up to ${mib(top)} MiB; ${mib(top - limit)} MiB of the memory are cut off`,
  };
}

/**
 * Whether there are blocks of 1 GiB without preserved pages.
 * @param epoch epoch of the kernel itself
 */
function extensionOf(
  scenario: MemoryPlan,
  { release }: Pick<KernelFacts, 'release'>,
  epoch: number,
  initramfs: number,
): Extension {
  const since = isSince(release, EXTENDED_SINCE);
  if (since !== true) return since === null ? 'unknown' : 'none';
  const machine = machineMemory(scenario.machine.memory, initramfs, memoryLimit(scenario.cmdlines[epoch] ?? ''));
  // Kernels allocate from the highest zone first. With one zone, the place of preserved pages varies (seen both ways
  // with 2 GiB).
  const { low, high } = blocksOfRam(machine);
  if (high === 0) return low > 1 ? 'unknown' : 'none';
  return preservedBytes(scenario, epoch - 1) < 0.75 * (machine.ram - machine.low) ? 'extended' : 'unknown';
}

/** The images' prediction, corrected for memory; null if the memory is unknown. */
export function withMemory(images: Prediction, { ruling }: BootMemory): Prediction | null {
  if (ruling === null || images.outcome === 'refused') return images;
  if (ruling === 'unknown') return images.outcome === 'preserved' ? null : images;
  // A kernel that rejects the root tree knows no scratch, and boots in all of the memory.
  const ignored = images.component === 'kho' && images.outcome !== 'preserved';
  return ignored && ruling.outcome !== 'refused' ? images : ruled(images, ruling);
}

function preservedBytes({ steps, reserveMem }: MemoryPlan, epoch: number): number {
  const sizes = new Map(
    steps.flatMap((step) => (step.op === 'memfd' ? [[step.memfd.file, step.memfd.size] as const] : [])),
  );
  const given = new Set(steps.flatMap((step) => (step.op === 'preserve' && step.epoch === epoch ? [step.file] : [])));
  const files = [...given].reduce((sum, file) => sum + (sizes.get(file) ?? 0), 0);
  return files + reserveMem.reduce((sum, { size }) => sum + size, 0);
}

function scratchText(areas: readonly number[], has: number, { release }: KernelFacts, need: ScratchNeed): string {
  const [whole, wants] = [Math.floor(has / MIB), Math.ceil(sumOf(need) / MIB)];
  const left = wants > whole ? `${wants - whole} MiB short` : `${whole - wants} MiB to spare`;
  return `${areasText(areas, has)}, ${release ?? 'the next kernel'} needs ${wants} MiB: ${left}`;
}

function areasText(areas: readonly number[], has: number): string {
  const count = areas.filter((area) => area > 0).length;
  return `scratch: ${Math.floor(has / MIB)} MiB in ${count} ${count === 1 ? 'area' : 'areas'}`;
}

function partsText({ image, initramfs, pageArray: pages, early }: ScratchNeed): string {
  return `kernel ${mib(image)}, initramfs ${mib(initramfs)}, page array ${mib(pages)}, early allocations ${mib(early)}`;
}

const mib = (bytes: number): string => String(Math.round((bytes / MIB) * 10) / 10);
