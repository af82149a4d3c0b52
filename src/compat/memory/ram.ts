// SPDX-License-Identifier: Apache-2.0
// The layout of a machine's memory, and the parts that a kernel takes at boot according to its amount.
import { MIB } from '../binary/kernel-size.js';

const GIB = 1024 * MIB;
/** Machines with at least 2.75 GiB have 2 GiB below the PCI hole and the rest above 4 GiB (QEMU's q35). */
const SPLIT_FROM = 0xb0000000;
const SPLIT_LOW = 2 * GIB;
const ABOVE_HOLE = 4 * GIB;
/** A section of the page array, and its entries: 64 bytes for each page of 4 KiB. */
const SECTION = 128 * MIB;
const BYTES_A_PAGE = 64;
const PAGE = 4096;
/** Bounce buffers for devices that cannot reach memory above 4 GiB, and their descriptors. */
const SWIOTLB = 64.75 * MIB;
/** Hash tables of dentries and inodes: 1.5 bytes for each KiB (8 and 4 bytes for each 8 KiB). */
const TABLES_A_KIB = 1.5;

export interface MachineMemory {
  /** Bytes of RAM that the kernel uses: the machine's RAM, up to the limit of `mem=`. */
  ram: number;
  /** The part of it below 4 GiB. */
  low: number;
  /** Bytes of the initramfs. */
  initramfs: number;
}

/** @param limit the kernel uses no RAM above this address */
export function machineMemory(memory: number, initramfs: number, limit: number | null): MachineMemory {
  const split = memory >= SPLIT_FROM;
  const cut = (bytes: number, from: number): number => Math.max(0, Math.min(bytes, (limit ?? Infinity) - from));
  const low = cut(split ? SPLIT_LOW : memory, 0);
  const high = split ? cut(memory - SPLIT_LOW, ABOVE_HOLE) : 0;
  return { ram: low + high, low, initramfs };
}

/** The first address above all RAM. */
export function topOfRam(memory: number): number {
  return memory >= SPLIT_FROM ? ABOVE_HOLE + memory - SPLIT_LOW : memory;
}

export const lowRam = ({ low }: MachineMemory): number => low;

export function pageArray({ ram, low }: MachineMemory): number {
  const sections = Math.ceil(low / SECTION) + Math.ceil((ram - low) / SECTION);
  return ((sections * SECTION) / PAGE) * BYTES_A_PAGE;
}

export const largeTables = ({ ram }: MachineMemory): number => (ram / 1024) * TABLES_A_KIB;

export const swiotlb = ({ ram, low }: MachineMemory): number => (ram > low ? SWIOTLB : 0);

/** Blocks of 1 GiB with RAM, below the hole and above it. */
export function blocksOfRam({ ram, low }: MachineMemory): { low: number; high: number } {
  return { low: Math.ceil(low / GIB), high: Math.ceil((ram - low) / GIB) };
}
