// SPDX-License-Identifier: Apache-2.0
// Finds how far a kernel with address randomisation (KASLR) moved itself at this boot. Its page tables map exactly
// [_text, _end) of the kernel's own half gigabyte, and its banner proves the distance.
import { readFileSync } from 'node:fs';
import type { KernelImage } from '../../model/kernel/image.js';
import type { MemoryView } from '../../qemu/memory.js';
import { kernelRoots, mappings, type PageRoot, readLinear } from '../../qemu/pagetable.js';
import type { SystemRegisters } from '../../qemu/registers.js';
import { addressOf } from '../machine/symbols.js';

/** Where x86-64 maps the kernel, and how much it may take (arch/x86/include/asm/page_64_types.h). */
const KERNEL_MAP = 0xffff_ffff_8000_0000n;
const KERNEL_SIZE = 1 << 30;
const BANNER = 'Linux version ';

/** Linear addresses that the symbols say. */
export interface Landmarks {
  text: bigint;
  banner: bigint;
}

const known = new WeakMap<KernelImage, boolean>();

/** Whether a kernel moves itself, unless its command line says nokaslr; one without a configuration counts as fixed. */
export function movesItself(kernel: KernelImage): boolean {
  let moves = known.get(kernel);
  if (moves === undefined) known.set(kernel, (moves = isRandomised(kernel.config)));
  return moves;
}

function isRandomised(config: string | null | undefined): boolean {
  if (config == null) return false;
  try {
    return /^CONFIG_RANDOMIZE_BASE=y$/m.test(readFileSync(config, 'utf8'));
  } catch {
    return false;
  }
}

/** Bytes between where a kernel runs and where its symbols say; null if no page table shows that kernel. */
export function findShift(
  memory: MemoryView,
  registers: Pick<SystemRegisters, 'cr3' | 'cr4'>,
  { text, banner }: Landmarks,
): bigint | null {
  for (const root of kernelRoots(registers)) {
    const [first] = mappings(memory, root, KERNEL_MAP, KERNEL_SIZE);
    const found = [0n, ...(first === undefined ? [] : [first.linear - text])].find((shift) =>
      isBanner(memory, root, banner + shift),
    );
    if (found !== undefined) return found;
  }
  return null;
}

function isBanner(memory: MemoryView, root: PageRoot, linear: bigint): boolean {
  const bytes = Buffer.alloc(BANNER.length);
  return readLinear(memory, root, linear, bytes) && bytes.toString('latin1') === BANNER;
}

/** The same for a kernel of the lab; 0 if it does not move, or was not found. */
export function shiftOf(
  kernel: KernelImage | undefined,
  memory: MemoryView,
  registers: Pick<SystemRegisters, 'cr3' | 'cr4'> | null,
): bigint {
  if (kernel === undefined || registers === null || !movesItself(kernel)) return 0n;
  const [text, banner] = [addressOf(kernel, '_text'), addressOf(kernel, 'linux_banner')];
  return text === null || banner === null ? 0n : (findShift(memory, registers, { text, banner }) ?? 0n);
}
