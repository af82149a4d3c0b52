// SPDX-License-Identifier: Apache-2.0
// Scratch: the memory that a kernel reserves at its first boot, and in which every later kernel boots. This file
// computes its size and how much the next kernel needs (measurements: docs/compat.md; rules:
// kernel/liveupdate/kexec_handover.c).
import type { BootFacts } from '../../model/kernel/image.js';
import { valuesOf } from '../binary/cmdline.js';
import { isSince, memparse, MIB } from '../binary/kernel-size.js';
import type { KernelFacts } from '../versions/kernel-facts.js';
import { largeTables, lowRam, type MachineMemory, pageArray, swiotlb } from './ram.js';

/** SCRATCH_ALIGNMENT_BYTES: areas are rounded up to a multiple. */
const ALIGNMENT = 4 * MIB;
/** Per-CPU areas, page tables, log, and memblock's lists. */
const EARLY = MIB;
/** The same before 7.1, whose page array needs more room around it. */
const EARLY_BEFORE_7_1 = 3 * MIB;
/** An image is loaded at a multiple of it (kernel_alignment). */
const IMAGE_ALIGNMENT = 2 * MIB;
/** Boot parameters, the command line and the list of areas are above the image. */
const BESIDE_IMAGE = 128 * 1024;
/** From this series on, blocks of 1 GiB without preserved pages also serve as scratch (kho_extend_scratch). */
export const EXTENDED_SINCE = [7, 3] as const;
/** The series with another name for the option. */
const BOOTMEM_SINCE = [7, 4] as const;

export type ScratchOption =
  { kind: 'scale'; percent: number } | { kind: 'sizes'; low: number; global: number; node: number };

const DEFAULT: ScratchOption = { kind: 'scale', percent: 200 };

/** The options that a release accepts, for a reader. */
export function scratchOptionText(release: string | null): string {
  const since = isSince(release, BOOTMEM_SINCE);
  if (since === null) return 'kho_scratch= (kho_bootmem= from 7.4 on)';
  return since ? 'kho_bootmem=' : 'kho_scratch=';
}

/** The sizes on the command line: the last value that the kernel accepts, under any name of the option. */
export function scratchOption(cmdline: string, release: string | null): ScratchOption {
  // An unknown release may use either name. Whether 7.4 still accepts the old one is unknown, so there both count.
  const names = isSince(release, BOOTMEM_SINCE) === false ? ['kho_scratch'] : ['kho_scratch', 'kho_bootmem'];
  return (
    names
      .flatMap((name) => valuesOf(cmdline, name))
      .map(parsed)
      .findLast((option) => option !== null) ?? DEFAULT
  );
}

function parsed(text: string): ScratchOption | null {
  const scale = /^(\d{1,9})%$/.exec(text);
  if (scale !== null) return { kind: 'scale', percent: Number(scale[1]) };
  const sizes = text.split(',').map(memparse);
  if (sizes.length !== 3 || sizes.some((size) => size === null || size.rest !== '')) return null;
  const [low = 0, global = 0, node = 0] = sizes.map((size) => size?.bytes ?? 0);
  return low + global + node === 0 ? null : { kind: 'sizes', low, global, node };
}

/**
 * Bytes of each area: in low memory, anywhere, and on the node.
 * @param reserved bytes of reserve_mem=
 */
export function scratchAreas(
  option: ScratchOption,
  kernel: BootFacts,
  machine: MachineMemory,
  reserved: number,
): number[] | null {
  if (option.kind === 'sizes') return [option.low, option.global, option.node].map(aligned);
  const own = runtimeOf(kernel);
  if (own === null) return null;
  const scale = option.percent / 100;
  const high = pageArray(machine) + largeTables(machine) + EARLY + reserved;
  const low = own + machine.initramfs + swiotlb(machine) + (lowRam(machine) === machine.ram ? high : 0);
  const all = own + machine.initramfs + swiotlb(machine) + high;
  const [lowArea, globalArea] = [aligned(low * scale), aligned((all - low) * scale)];
  // By now the first two areas are reserved memory as well, so the kernel counts them.
  return [lowArea, globalArea, aligned((all + lowArea + globalArea) * scale)];
}

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

function runtimeOf({ runtime, initSize }: BootFacts): number | null {
  return runtime ?? initSize;
}

/** The parts of what the next kernel needs in scratch, in bytes. */
export interface ScratchNeed {
  image: number;
  initramfs: number;
  /** 0 if the page array may be elsewhere. */
  pageArray: number;
  early: number;
}

/**
 * What a kernel needs in scratch to boot; null if its size is unknown.
 * @param extended the page array may be outside of scratch
 */
export function scratchNeed(
  { boot, release }: Pick<KernelFacts, 'boot' | 'release'>,
  machine: MachineMemory,
  { extended }: { extended: boolean },
): ScratchNeed | null {
  const image = boot === undefined ? null : runtimeOf(boot);
  const early = isSince(release, [7, 1]) === false ? EARLY_BEFORE_7_1 : EARLY;
  if (image === null) return null;
  return { image, initramfs: machine.initramfs, pageArray: extended ? 0 : pageArray(machine), early };
}

export const sumOf = ({ image, initramfs, pageArray: pages, early }: ScratchNeed): number =>
  image + initramfs + pages + early;

/**
 * Whether the old kernel can place image and initramfs in the areas, each in one piece and as high as possible; null if
 * unknown.
 */
export function canLoad(areas: readonly number[], { initSize }: BootFacts, initramfs: number): boolean | null {
  if (initSize === null) return null;
  const free = areas.map((area) => area - BESIDE_IMAGE);
  const at = free.findIndex((bytes) => bytes >= initSize);
  if (at < 0) return false;
  free[at] = Math.floor(((free[at] ?? 0) - initSize) / IMAGE_ALIGNMENT) * IMAGE_ALIGNMENT;
  return free.some((bytes) => bytes >= initramfs);
}
